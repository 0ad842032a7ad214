//! `after`, `at`, `tick` and `never`.

use greenstd::channel::{self, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

laws! {
    fn after_sends_once_and_not_early() {
        let start = Instant::now();
        let receiver = channel::after(Duration::from_millis(5));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert_eq!((receiver.len(), receiver.capacity()), (0, Some(1)));
        let due = receiver.recv().unwrap();
        assert!(due >= start + Duration::from_millis(5) && due <= Instant::now());
        let again = receiver.recv_timeout(Duration::from_millis(5));
        assert_eq!(again, Err(RecvTimeoutError::Timeout));
    }

    fn clones_share_the_one_message() {
        let receiver = channel::after(Duration::from_millis(3));
        let other = receiver.clone();
        let waiter = thread::spawn(move || other.recv_timeout(Duration::from_millis(50)).is_ok());
        let here = receiver.recv_timeout(Duration::from_millis(50)).is_ok();
        assert!(waiter.join().unwrap() != here, "one of them has it");
    }

    fn ticks_are_a_period_apart_and_do_not_heap_up() {
        let period = Duration::from_millis(4);
        let start = Instant::now();
        let ticks = channel::tick(period);
        ticks.recv().unwrap();
        assert!(start.elapsed() >= period);
        thread::sleep(period * 5);
        assert_eq!((ticks.len(), ticks.is_full()), (1, true));
        assert!(ticks.try_recv().is_ok());
        ticks.recv().unwrap();
        // The next one is due a period after the late one was taken.
        assert!(start.elapsed() >= period * 7);
    }

    fn never_is_silent() {
        let silence = channel::never::<()>();
        assert_eq!(silence.try_recv(), Err(TryRecvError::Empty));
        let late = silence.recv_timeout(Duration::from_millis(3));
        assert_eq!(late, Err(RecvTimeoutError::Timeout));
    }

    fn a_time_beyond_all_clocks_never_comes() {
        for receiver in [channel::after(Duration::MAX), channel::tick(Duration::MAX)] {
            let late = receiver.recv_timeout(Duration::from_millis(2));
            assert_eq!(late, Err(RecvTimeoutError::Timeout));
        }
        let late = channel::at(None).recv_timeout(Duration::from_millis(2));
        assert_eq!(late, Err(RecvTimeoutError::Timeout));
    }

    fn at_a_time_that_has_passed_sends_at_once() {
        let past = Instant::now();
        assert_eq!(channel::at(past).recv(), Ok(past));
    }
}
