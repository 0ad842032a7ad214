//! What the errors say, and that they ask nothing of the message.

use greenstd::channel::{RecvError, RecvTimeoutError, SendError, SendTimeoutError};
use greenstd::channel::{TryRecvError, TrySendError};
use std::error::Error;

/// A message that is nothing but `Send`.
struct Bare;

fn words(error: &dyn Error) -> (String, String) {
    (error.to_string(), format!("{error:?}"))
}

#[test]
fn errors_say_what_failed() {
    assert_eq!(words(&SendError(Bare)).0, "sending on a disconnected channel");
    assert_eq!(words(&TrySendError::Full(Bare)).0, "sending on a full channel");
    assert_eq!(words(&TryRecvError::Empty).0, "receiving on an empty channel");
    assert_eq!(words(&RecvTimeoutError::Disconnected).0, "channel is empty and disconnected");
}

#[test]
fn errors_are_printed_without_the_message() {
    assert_eq!(words(&SendError(Bare)).1, "SendError(..)");
    assert_eq!(words(&TrySendError::Full(Bare)).1, "Full(..)");
    assert_eq!(words(&TrySendError::Disconnected(Bare)).1, "Disconnected(..)");
    let timeout = words(&SendTimeoutError::Timeout(Bare));
    assert_eq!(timeout, ("timed out waiting on send operation".into(), "Timeout(..)".into()));
    assert_eq!(words(&SendTimeoutError::Disconnected(Bare)).1, "Disconnected(..)");
    assert_eq!(words(&RecvError).0, "receiving on an empty and disconnected channel");
    assert_eq!(words(&RecvTimeoutError::Timeout).0, "timed out waiting on receive operation");
}

#[test]
fn each_send_error_gives_the_message_back() {
    assert_eq!(SendError(1).into_inner(), 1);
    assert_eq!(TrySendError::Full(2).into_inner(), 2);
    assert_eq!(TrySendError::from(SendError(3)), TrySendError::Disconnected(3));
    assert_eq!(SendTimeoutError::from(SendError(4)).into_inner(), 4);
    assert!(SendTimeoutError::Timeout(()).is_timeout());
    assert!(TrySendError::Full(()).is_full() && !TrySendError::Full(()).is_disconnected());
    assert!(TryRecvError::from(RecvError).is_disconnected() && TryRecvError::Empty.is_empty());
    assert!(RecvTimeoutError::from(RecvError).is_disconnected());
    assert!(RecvTimeoutError::Timeout.is_timeout());
}
