//! Waits for signals that are ended from outside.

use crate::fixture::{A_MOMENT, SOON, in_a_process, raise, send};
use greenstd::signal::{SIGUSR1, Signals};
use greenstd::{thread, time};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

in_a_process! {
    fn a_timeout_scope_ends_a_wait_and_takes_nothing() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        assert!(time::timeout(Duration::from_millis(5), || signals.wait()).is_err());
        send(SIGUSR1);
        assert_eq!(signals.wait_timeout(SOON), Some(SIGUSR1));
    }

    fn a_kill_ends_a_wait_and_takes_nothing() {
        let signals = Arc::new(Signals::new([SIGUSR1]).unwrap());
        let other = signals.clone();
        let victim = greenstd::thread::spawn(move || other.wait());
        thread::sleep(A_MOMENT);
        victim.kill().unwrap();
        assert!(victim.join().unwrap_err().is::<thread::Killed>());
        send(SIGUSR1);
        assert_eq!(signals.wait_timeout(SOON), Some(SIGUSR1));
    }

    /// Whoever comes first: the signal was either given to the victim, or is still there.
    fn a_signal_is_not_lost_to_a_kill_in_the_same_moment() {
        let signals = Arc::new(Signals::new([SIGUSR1]).unwrap());
        let taken = Arc::new(AtomicUsize::new(0));
        for round in 0..200 {
            let (its_signals, its_taken) = (signals.clone(), taken.clone());
            let victim = Arc::new(greenstd::thread::spawn(move || {
                its_signals.wait();
                its_taken.fetch_add(1, Ordering::Relaxed);
            }));
            if round % 2 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
            let sender = std::thread::spawn(|| raise(SIGUSR1));
            victim.kill().unwrap();
            sender.join().unwrap();
            assert!(victim.wait(SOON));
            let left = signals.pending().count();
            assert_eq!(taken.swap(0, Ordering::Relaxed) + left, 1, "in round {round}");
        }
    }

    fn a_wait_of_one_who_unwinds_already_comes_to_its_end() {
        struct Waits(Arc<Signals>);
        impl Drop for Waits {
            fn drop(&mut self) {
                let _ = self.0.wait_timeout(Duration::from_millis(5));
            }
        }
        let signals = Arc::new(Signals::new([SIGUSR1]).unwrap());
        let waits = Waits(signals.clone());
        let victim = greenstd::thread::spawn(move || {
            let _waits = waits;
            thread::sleep(SOON * 100);
        });
        thread::sleep(Duration::from_millis(5));
        victim.kill().unwrap();
        assert!(victim.join().is_err());
        raise(SIGUSR1);
        assert_eq!(signals.wait_timeout(SOON), Some(SIGUSR1));
    }
}
