//! Many are joined, in the order in which they end.

use crate::fixture::{Count, LONG, SOON, fail, until};
use std::sync::Arc;
use std::time::Duration;

laws! {
    fn results_come_in_the_order_of_the_ends() {
        let gates: Vec<_> =
            (0..4).map(|_| Arc::new(greenstd::sync::Semaphore::new(0))).collect();
        let handles: Vec<_> = gates
            .iter()
            .enumerate()
            .map(|(number, gate)| {
                let gate = gate.clone();
                greenstd::thread::spawn(move || {
                    gate.acquire();
                    number * 10
                })
            })
            .collect();
        let mut all = thread::join_all(handles);
        for number in [2, 0, 3, 1] {
            gates[number].release();
            let (joined, value) = all.next().expect("there is one more");
            assert_eq!((joined, value.unwrap()), (number, number * 10));
        }
        assert!(all.next().is_none());
    }

    // C21
    fn the_first_to_fail_in_time_is_raised_whatever_its_place() {
        let slow = greenstd::thread::spawn(|| -> u8 {
            greenstd::thread::sleep(LONG);
            fail("slow")
        });
        let quick = greenstd::thread::spawn(|| fail::<u8>("quick"));
        let joined = thread::join_all([slow, quick]).until_failure().wait();
        assert_eq!(joined.rest.len(), 1);
        assert!(joined.rest[0].kill_and_wait(None).unwrap());
        let payload = joined.values().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"quick"));
    }

    // C22
    fn with_a_count_of_one_the_endless_one_lives() {
        let (entered, inside) = (Count::default(), Count::default());
        let count = entered.clone();
        let endless = greenstd::thread::spawn(move || {
            count.up();
            greenstd::thread::sleep(LONG);
            0
        });
        let ending = greenstd::thread::spawn(|| 1);
        let joined = thread::join_all([endless, ending]).count(1).wait();
        assert_eq!(joined.ended.len(), 1);
        assert_eq!(joined.ended[0].0, 1);
        assert_eq!(joined.ended[0].1.as_ref().ok(), Some(&1));
        until(|| entered.get() == 1);
        let [endless] = &joined.rest[..] else { panic!("{joined:?}") };
        assert!(!endless.is_finished());
        assert!(endless.kill_and_wait(None).unwrap());
        assert_eq!(inside.get(), 0);
    }

    fn with_a_timeout_the_others_are_given_back() {
        let handles = [LONG, Duration::ZERO, LONG]
            .map(|time| greenstd::thread::spawn(move || greenstd::thread::sleep(time)));
        assert!(handles[1].wait(None));
        let joined = thread::join_all(handles).timeout(Duration::from_millis(20)).wait();
        assert_eq!(joined.ended.len(), 1);
        assert_eq!(joined.rest.len(), 2);
        assert!(thread::kill_all(&joined.rest, None).unwrap());
        // Those that have ended are joined even if no time is left.
        let joined = thread::join_all(joined.rest).timeout(Duration::ZERO).wait();
        assert_eq!((joined.ended.len(), joined.rest.len()), (2, 0));
        assert_eq!(thread::join_all::<()>([]).wait().ended.len(), 0);
        let one = greenstd::thread::spawn(|| ());
        assert_eq!(thread::join_all([one]).count(0).wait().rest.len(), 1);
    }

    fn a_thousand_are_joined() {
        let handles = (0..1000).map(|number| {
            greenstd::thread::spawn(move || {
                if number % 3 == 0 {
                    greenstd::thread::yield_now();
                }
                number
            })
        });
        let mut values = thread::join_all(handles).timeout(SOON).wait().values().unwrap();
        values.sort_unstable();
        assert_eq!(values, (0..1000).collect::<Vec<_>>());
    }

    fn giving_up_leaves_nobody_watched() {
        let sleeper = greenstd::thread::spawn(|| greenstd::thread::sleep(LONG)).share();
        let other = sleeper.clone();
        let waiter = greenstd::thread::spawn(move || other.wait(None));
        let mut all = thread::join_all([waiter]).timeout(Duration::from_millis(5));
        assert!(all.next().is_none());
        drop(all);
        assert!(sleeper.kill_and_wait(None).unwrap());
    }
}
