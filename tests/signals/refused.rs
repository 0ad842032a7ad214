//! What cannot be listened for.

use crate::fixture::{in_a_process, is_caught};
use greenstd::signal::{self, SIGUSR1, Signals};
use libc::{SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGSTOP};
use std::io::ErrorKind;

in_a_process! {
    fn faults_and_what_cannot_be_caught_are_refused_by_name() {
        for (signal, name) in [
            (SIGKILL, "SIGKILL"),
            (SIGSTOP, "SIGSTOP"),
            (SIGSEGV, "SIGSEGV"),
            (SIGBUS, "SIGBUS"),
            (SIGILL, "SIGILL"),
            (SIGFPE, "SIGFPE"),
        ] {
            let was_caught = is_caught(signal);
            let error = Signals::new([signal]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), format!("{name} ({signal}) cannot be listened for"));
            assert_eq!(signal::wait(signal).unwrap_err().kind(), ErrorKind::InvalidInput);
            let refused = signal::exit_on_second([SIGUSR1, signal]).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput);
            assert_eq!(is_caught(signal), was_caught);
        }
        assert!(!is_caught(SIGUSR1));
    }

    /// 32 and 33 are the C library's own.
    fn numbers_of_no_signal_are_refused() {
        for number in [-1, 0, 32, 33, 65, 128, i32::MAX, i32::MIN] {
            assert_eq!(Signals::new([number]).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }

    fn a_refusal_changes_nothing() {
        assert!(Signals::new([SIGUSR1, SIGKILL]).is_err());
        assert!(!is_caught(SIGUSR1));
        let signals = Signals::new([SIGUSR1]).unwrap();
        assert!(signals.add_signal(SIGKILL).is_err());
        crate::fixture::raise(SIGUSR1);
        assert_eq!(signals.wait(), Some(SIGUSR1));
    }

    fn signals_have_names() {
        assert_eq!(signal::name(signal::SIGTERM), Some("SIGTERM"));
        assert_eq!(signal::name(64), None);
    }
}
