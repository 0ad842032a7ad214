//! What became of every attempt of a dial that has failed.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// No address of a dial has answered. It is inside of the `io::Error` that the dial returns.
///
/// # Examples
///
/// ```
/// use greenstd_net::{DialError, TcpListener, dial};
///
/// // A port that was free just now.
/// let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// let error = dial(address).unwrap_err();
/// let (tried, why) = DialError::of(&error).unwrap().attempts().next().unwrap();
/// assert_eq!((tried, why.kind()), (address, std::io::ErrorKind::ConnectionRefused));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct DialError {
    pub(super) attempts: Vec<(SocketAddr, io::Error)>,
    pub(super) untried: Vec<SocketAddr>,
    pub(super) is_out_of_time: bool,
}

impl DialError {
    /// Looks for a `DialError` inside of `error`.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&DialError> {
        error.get_ref().and_then(|error| error.downcast_ref())
    }

    /// The addresses that were tried, each with its error, in the order in which they failed.
    pub fn attempts(&self) -> impl ExactSizeIterator<Item = (SocketAddr, &io::Error)> {
        self.attempts.iter().map(|(address, error)| (*address, error))
    }

    /// The addresses that were not tried, because the time was up.
    #[must_use]
    pub fn untried(&self) -> &[SocketAddr] {
        &self.untried
    }

    /// Whether the time for the whole dial was up.
    #[must_use]
    pub fn is_out_of_time(&self) -> bool {
        self.is_out_of_time
    }

    pub(super) fn into_io(self) -> io::Error {
        let last = self.attempts.last().map(|(_, error)| error.kind());
        let kind = if self.is_out_of_time { Some(io::ErrorKind::TimedOut) } else { last };
        io::Error::new(kind.unwrap_or(io::ErrorKind::Other), self)
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no address has answered")?;
        if self.is_out_of_time {
            formatter.write_str(" in time")?;
        }
        for (number, (address, error)) in self.attempts().enumerate() {
            let before = if number == 0 { ": " } else { ", " };
            write!(formatter, "{before}{address} ({error})")?;
        }
        match self.untried.len() {
            0 => Ok(()),
            count => write!(formatter, "; {count} not tried"),
        }
    }
}

impl Error for DialError {
    /// The error of the last attempt.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.attempts.last().map(|(_, error)| error as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attempt_is_told_and_the_kind_is_that_of_the_last_or_of_the_deadline() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let error = |is_out_of_time| DialError {
            attempts: vec![
                (address(1), io::Error::new(io::ErrorKind::TimedOut, "late")),
                (address(2), io::Error::new(io::ErrorKind::ConnectionRefused, "refused")),
            ],
            untried: vec![address(3)],
            is_out_of_time,
        };
        let failed = error(false).into_io();
        assert_eq!(failed.kind(), io::ErrorKind::ConnectionRefused);
        let text = "no address has answered: 127.0.0.1:1 (late), 127.0.0.1:2 (refused); \
                    1 not tried";
        assert_eq!(failed.to_string(), text);
        let late = error(true).into_io();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        assert!(late.to_string().starts_with("no address has answered in time: "));
        let inside = DialError::of(&late).expect("it is inside");
        assert_eq!(inside.source().map(ToString::to_string), Some("refused".to_owned()));
        assert!(DialError::of(&io::Error::other("else")).is_none());
    }
}
