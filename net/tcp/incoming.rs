//! Accepting one connection after the other, without end and without spinning.
//!
//! When descriptors or memory run out, a loop that ignores errors, as a straight-line server does,
//! would burn a core. The iterators here back off before they hand such an error out, as Go's
//! `net/http` does.

use std::io;
use std::iter::FusedIterator;
use std::net::SocketAddr;
use std::time::Duration;

use greenstd_runtime::park::{Outcome, park_until, unwind_killed};
use greenstd_runtime::time;

use super::{TcpListener, TcpStream};
use crate::back_off::{BackOff, is_exhaustion};

/// An iterator over the connections that a listener accepts, which never ends; made by
/// [`TcpListener::incoming`].
///
/// Each step is an [`accept`](TcpListener::accept). When the process or the system has run out of
/// descriptors or memory (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`), the step parks the caller for
/// 5 ms, doubled with each such error in a row up to 1 s, and only then yields it. So a loop that
/// passes over errors keeps serving, and one that stops at them stops as it would with std. The
/// first error of a row is reported as a `tracing` warning. A nonblocking listener does not wait.
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
    patient: Patient,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(listener: &'a TcpListener) -> Incoming<'a> {
        Incoming { listener, patient: Patient::new() }
    }
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.patient.accept(self.listener))
    }
}

impl FusedIterator for Incoming<'_> {}

/// An owning [`Incoming`]; made by [`TcpListener::into_incoming`], and unstable in std.
#[derive(Debug)]
pub struct IntoIncoming {
    listener: TcpListener,
    patient: Patient,
}

impl IntoIncoming {
    pub(super) fn new(listener: TcpListener) -> IntoIncoming {
        IntoIncoming { listener, patient: Patient::new() }
    }
}

impl Iterator for IntoIncoming {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.patient.accept(&self.listener))
    }
}

impl FusedIterator for IntoIncoming {}

/// An accept that waits after an error for want of resources.
#[derive(Debug)]
struct Patient {
    back_off: BackOff,
}

impl Patient {
    /// Both bounds are those of Go's `net/http`.
    const fn new() -> Patient {
        Patient { back_off: BackOff::new(Duration::from_millis(5), Duration::from_secs(1)) }
    }

    fn accept(&mut self, listener: &TcpListener) -> io::Result<TcpStream> {
        match listener.accept() {
            Ok((stream, _)) => {
                self.back_off.succeeded();
                Ok(stream)
            }
            Err(error) => {
                if is_exhaustion(&error) {
                    let wait = self.lengthen(&error, listener.local_addr().ok());
                    if !listener.is_nonblocking() {
                        sleep(wait);
                    }
                }
                Err(error)
            }
        }
    }

    /// The wait after `error`, which is reported if it is the first in a row.
    fn lengthen(&mut self, error: &io::Error, address: Option<SocketAddr>) -> Duration {
        if !self.back_off.is_under_way() {
            tracing::warn!(
                %error,
                listener = address.map(tracing::field::display),
                "cannot accept connections: backing off until there are resources again",
            );
        }
        self.back_off.failed()
    }
}

fn sleep(duration: Duration) {
    let deadline = time::now() + duration;
    loop {
        match park_until(Some(deadline)) {
            Outcome::TimedOut => return,
            Outcome::Woken => {}
            Outcome::Killed => {
                // Unwinding already: the error that was to be waited out says enough.
                let _ = unwind_killed();
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    #[test]
    fn a_row_is_reported_once_and_ended_by_a_success() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let error = io::Error::from_raw_os_error(libc::ENFILE);
        let mut patient = Patient::new();
        let warnings = Arc::new(AtomicUsize::new(0));
        tracing::subscriber::with_default(CountWarnings(Arc::clone(&warnings)), || {
            for row in 1..=3 {
                for _ in 0..5 {
                    patient.lengthen(&error, Some(address));
                    assert_eq!(warnings.load(Ordering::Relaxed), row);
                }
                let _client = TcpStream::connect(address).unwrap();
                patient.accept(&listener).unwrap();
                assert!(!patient.back_off.is_under_way());
            }
        });
    }

    struct CountWarnings(Arc<AtomicUsize>);

    impl Subscriber for CountWarnings {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == Level::WARN
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }
}
