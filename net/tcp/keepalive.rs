//! How a silent connection is probed.

use std::io;
use std::time::Duration;

use socket2::SockRef;

/// How the kernel finds out that the peer of a silent connection is gone: after `time` without a
/// word it sends a probe, another each `interval`, and after `retries` without an answer it ends
/// the connection with `TimedOut`.
///
/// What is not set is the system's own (`net.ipv4.tcp_keepalive_*`: two hours, 75 s, 9). The kernel
/// counts in whole seconds: what is less is rounded up to one, and the most is 32,767 s, and 127
/// retries.
///
/// # Examples
///
/// ```
/// use greenstd_net::TcpKeepalive;
/// use std::time::Duration;
///
/// let keepalive = TcpKeepalive::new()
///     .time(Duration::from_secs(30))
///     .interval(Duration::from_secs(5))
///     .retries(3);
/// assert_eq!(keepalive.time_after(), Some(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "it changes nothing by itself"]
pub struct TcpKeepalive {
    time: Option<Duration>,
    interval: Option<Duration>,
    retries: Option<u32>,
}

impl TcpKeepalive {
    /// With the system's own settings.
    pub const fn new() -> TcpKeepalive {
        TcpKeepalive { time: None, interval: None, retries: None }
    }

    /// Sets after how long a silence the first probe is sent (`TCP_KEEPIDLE`).
    pub const fn time(mut self, time: Duration) -> TcpKeepalive {
        self.time = Some(time);
        self
    }

    /// Sets how far apart the probes are (`TCP_KEEPINTVL`).
    pub const fn interval(mut self, interval: Duration) -> TcpKeepalive {
        self.interval = Some(interval);
        self
    }

    /// Sets after how many probes without an answer the connection ends (`TCP_KEEPCNT`).
    pub const fn retries(mut self, retries: u32) -> TcpKeepalive {
        self.retries = Some(retries);
        self
    }

    /// The silence before the first probe, if it is set.
    #[must_use]
    pub const fn time_after(&self) -> Option<Duration> {
        self.time
    }

    /// The time between probes, if it is set.
    #[must_use]
    pub const fn interval_between(&self) -> Option<Duration> {
        self.interval
    }

    /// The number of probes, if it is set.
    #[must_use]
    pub const fn retries_at_most(&self) -> Option<u32> {
        self.retries
    }

    /// Turns the probes on with these settings.
    pub(super) fn set_on(&self, socket: &SockRef<'_>) -> io::Result<()> {
        let mut keepalive = socket2::TcpKeepalive::new();
        if let Some(time) = self.time {
            keepalive = keepalive.with_time(whole_seconds(time));
        }
        if let Some(interval) = self.interval {
            keepalive = keepalive.with_interval(whole_seconds(interval));
        }
        if let Some(retries) = self.retries {
            keepalive = keepalive.with_retries(retries);
        }
        socket.set_tcp_keepalive(&keepalive)
    }

    /// The settings that a socket has; `None` if the probes are off.
    pub(super) fn of(socket: &SockRef<'_>) -> io::Result<Option<TcpKeepalive>> {
        if !socket.keepalive()? {
            return Ok(None);
        }
        let keepalive = TcpKeepalive::new()
            .time(socket.tcp_keepalive_time()?)
            .interval(socket.tcp_keepalive_interval()?)
            .retries(socket.tcp_keepalive_retries()?);
        Ok(Some(keepalive))
    }
}

/// Rounds up: the kernel refuses zero seconds, which is what less than one would be cut to.
fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_to_seconds() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let rounded = whole_seconds(Duration::from_millis(millis));
            assert_eq!(rounded, Duration::from_secs(seconds), "{millis} ms");
        }
        assert_eq!(whole_seconds(Duration::MAX), Duration::from_secs(u64::MAX));
    }
}
