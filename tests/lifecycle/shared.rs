//! A result that many ask for.

use crate::fixture::{Count, Guard, LONG, fail, let_others_run, until};
use greenstd::thread::{Failure, SharedJoinHandle};
use std::panic;
use std::time::Duration;

laws! {
    // C03
    fn all_who_ask_get_the_same_value() {
        let result = greenstd::thread::spawn(|| {
            greenstd::thread::sleep(Duration::from_millis(5));
            vec![1, 2, 3]
        })
        .share();
        let askers = [(); 5].map(|()| {
            let result = result.clone();
            greenstd::thread::spawn(move || std::ptr::from_ref(result.get().unwrap()).addr())
        });
        let own = std::ptr::from_ref(result.get().unwrap()).addr();
        for asker in askers {
            assert_eq!(asker.join().unwrap(), own);
        }
        // And at once, when it is there.
        assert!(result.is_finished());
        assert_eq!(result.get_timeout(Duration::ZERO).unwrap().unwrap(), &[1, 2, 3]);
    }

    // C04
    fn all_who_ask_see_the_same_failure() {
        let result = greenstd::thread::spawn(|| fail::<u8>("the message")).share();
        let first = result.get().unwrap_err().clone();
        let second = result.get().unwrap_err();
        for failure in [&first, second] {
            assert_eq!(failure.message(), "the message");
            assert!(!failure.is_killed());
            assert_eq!(failure.to_string(), "the green thread panicked: the message");
        }
        assert_eq!(*first.take_payload().unwrap().downcast::<&str>().unwrap(), "the message");
        assert!(second.take_payload().is_none());
    }

    fn one_that_was_killed_has_no_result() {
        let result = greenstd::thread::spawn(|| greenstd::thread::sleep(LONG)).share();
        assert!(result.get_timeout(Duration::from_millis(1)).is_none());
        assert!(!result.wait(Duration::ZERO));
        result.kill().unwrap();
        assert!(result.get().unwrap_err().is_killed());
        assert_eq!(result.get().unwrap_err().to_string(), "the green thread was killed");
    }

    fn its_value_is_dropped_with_the_last_handle() {
        let drops = Count::default();
        let guard = Guard(drops.clone());
        let result = greenstd::thread::spawn(move || guard).share();
        let other = result.clone();
        assert!(result.get().is_ok());
        drop(result);
        assert_eq!(drops.get(), 0);
        drop(other);
        assert_eq!(drops.get(), 1);
        // Also if nobody has asked.
        let guard = Guard(drops.clone());
        let unasked = greenstd::thread::spawn(move || guard).share();
        assert!(unasked.wait(None));
        drop(unasked);
        assert_eq!(drops.get(), 2);
    }
}

laws! { green
    fn to_ask_for_ones_own_result_is_a_mistake() {
        let (sender, receiver) = std::sync::mpsc::channel::<SharedJoinHandle<()>>();
        let handle = thread::spawn(move || {
            let own = loop {
                match receiver.try_recv() {
                    Ok(own) => break own,
                    Err(_) => thread::yield_now(),
                }
            };
            let asked = panic::catch_unwind(panic::AssertUnwindSafe(|| own.get().is_ok()));
            assert!(asked.is_err());
        })
        .share();
        sender.send(handle.clone()).unwrap();
        assert!(handle.get().is_ok());
    }

    fn one_who_asks_may_be_killed() {
        let result = thread::spawn(thread::park).share();
        let other = result.clone();
        let entered = Count::default();
        let inside = entered.clone();
        let asker = thread::spawn(move || {
            inside.up();
            let _ = other.get();
        });
        until(|| entered.get() == 1);
        assert!(asker.kill_and_wait(None).unwrap());
        assert!(!result.is_finished());
        result.thread().unpark();
        assert!(result.get().is_ok());
        let_others_run();
    }
}

#[test]
fn handles_and_failures_go_to_any_thread() {
    fn anywhere<T: Send + Sync + Clone>() {}
    anywhere::<SharedJoinHandle<String>>();
    anywhere::<Failure>();
}
