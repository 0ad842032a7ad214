//! The exit at the second signal.

use crate::child;
use crate::fixture::{SOON, in_a_process, is_caught, raise, send};
use greenstd::signal::{self, SIGINT, SIGTERM, Signals};
use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

in_a_process! {
    fn the_first_signal_only_counts() {
        let signals = Signals::new([SIGINT, SIGTERM]).unwrap();
        let exit = signal::exit_on_second([SIGINT, SIGTERM, SIGINT]).unwrap();
        assert!(!exit.is_armed());
        send(SIGINT);
        assert_eq!(signals.wait_timeout(SOON), Some(SIGINT));
        assert!(exit.is_armed());
        exit.disarm();
        raise(SIGTERM);
        assert!(exit.is_armed());
    }

    fn dropping_it_ends_the_count() {
        let _signals = Signals::new([SIGINT]).unwrap();
        for _ in 0..3 {
            let _exit = signal::exit_on_second([SIGINT, SIGTERM]).unwrap();
            raise(SIGINT);
        }
        raise(SIGINT);
        assert!(!is_caught(SIGTERM));
    }
}

#[test]
fn the_second_signal_ends_the_process_with_its_number() {
    let output = child::run(|| {
        let _exit = signal::exit_on_second([SIGINT, SIGTERM]).unwrap();
        raise(SIGINT);
        raise(SIGTERM);
    });
    assert_eq!(output.status.code(), Some(128 + SIGTERM));
}

/// A stop that hangs is why it is there.
#[test]
fn the_second_signal_ends_a_process_whose_workers_are_stuck() {
    let output = child::run(|| {
        let runtime = greenstd::runtime::Builder::new().workers(2).build().unwrap();
        runtime.run(|| {
            let signals = Signals::new([SIGTERM]).unwrap();
            let _exit = signal::exit_on_second([SIGTERM]).unwrap();
            send(SIGTERM);
            assert_eq!(signals.wait_timeout(SOON), Some(SIGTERM));
            for _ in 0..2 {
                greenstd::spawn(|| {
                    loop {
                        std::hint::spin_loop();
                    }
                });
            }
            std::thread::spawn(|| {
                std::thread::sleep(crate::fixture::A_MOMENT);
                send(SIGTERM);
            });
            let start = Instant::now();
            while start.elapsed() < SOON {
                std::hint::spin_loop();
            }
        });
    });
    assert_eq!(output.status.code(), Some(128 + SIGTERM));
}

/// With the guard gone the default action counts: death by the signal, not an exit.
#[test]
fn without_it_the_second_signal_does_what_it_always_did() {
    let output = child::run(|| {
        drop(signal::exit_on_second([SIGTERM]).unwrap());
        raise(SIGTERM);
    });
    assert_eq!(output.status.signal(), Some(SIGTERM));
}
