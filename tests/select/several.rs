//! `wait_some`, and `wait_all` with a timeout.

use greenstd::channel;
use greenstd::select::{self, Waitable};
use greenstd::sync::{Event, Semaphore};
use greenstd::time::{TimedOut, timeout};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(3);
const LONG: Duration = Duration::from_secs(10_000);

laws! {
    // C35
    fn an_event_that_is_set_counts_each_time() {
        let event = Event::new();
        event.set();
        for _ in 0..2 {
            assert_eq!(select::wait_some([&event], 1), [(0, ())]);
            assert_eq!(select::wait_all_timeout([&event], LONG), [(0, ())]);
        }
        // Named twice it counts twice.
        assert_eq!(select::wait_some([&event, &event], 2), [(0, ()), (1, ())]);
        assert!(event.is_set());
    }

    // C22
    fn a_count_of_one_returns_though_another_is_endless() {
        let (_keep, endless) = channel::unbounded::<()>();
        let handles = [
            thread::spawn(move || endless.recv().is_err()),
            thread::spawn(|| { greenstd::thread::sleep(SHORT); true }),
        ];
        assert_eq!(select::wait_some(&handles, 1), [(1, ())]);
        assert!(!handles[0].is_finished());
        assert_eq!(select::wait_some_timeout(&handles, 2, SHORT), [(1, ())]);
        drop(_keep);
        assert_eq!(select::wait_some(&handles, 5).len(), 2, "there are no more");
        handles.into_iter().for_each(|handle| assert!(handle.join().unwrap()));
    }

    fn results_are_in_the_order_in_which_they_came() {
        let channels: Vec<_> = (0..5).map(|_| channel::rendezvous()).collect();
        let (senders, receivers): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
        let order = [3, 0, 4, 1, 2];
        let sender = thread::spawn(move || {
            for number in order {
                // Returns when it was taken: so they come one after another.
                senders[number].send(number).unwrap();
            }
            senders
        });
        let came = select::wait_some(&receivers, 5);
        assert!(came.into_iter().eq(order.map(|number| (number, Ok(number)))));
        drop(sender.join().unwrap());
    }

    fn those_that_are_ready_at_once_are_in_their_own_order() {
        let semaphores = [const { Semaphore::new(1) }; 4];
        assert!(semaphores[1].try_acquire());
        let given = select::wait_some_timeout(&semaphores, 4, SHORT);
        assert_eq!(given, [(0, ()), (2, ()), (3, ())]);
    }

    fn beyond_the_count_nothing_is_taken() {
        let semaphores = [const { Semaphore::new(1) }; 3];
        assert_eq!(select::wait_some(&semaphores, 2), [(0, ()), (1, ())]);
        assert!(semaphores[2].try_acquire());
        assert_eq!(select::wait_some(&semaphores, 0), []);
        semaphores.iter().for_each(Semaphore::release);
        assert_eq!(select::wait_some_deadline(&semaphores, 9, Instant::now()).len(), 3);
    }

    // C28
    fn what_came_in_time_is_returned_and_the_rest_can_be_waited_for_anew() {
        let events = Arc::new([const { Event::new() }; 3]);
        let start = Instant::now();
        events[1].set();
        assert_eq!(select::wait_all_timeout(&*events, SHORT), [(1, ())]);
        assert!(start.elapsed() >= SHORT);
        assert_eq!(select::wait_all_deadline(&*events, Instant::now()), [(1, ())]);
        let other = events.clone();
        let setter = thread::spawn(move || {
            greenstd::thread::sleep(SHORT);
            other[2].set();
            other[0].set();
        });
        let given = select::wait_all_timeout(&*events, LONG);
        assert!(given.len() == 3 && given[0] == (1, ()));
        setter.join().unwrap();
    }

    fn nothing_to_wait_for_is_over_at_once() {
        let none: [&Event; 0] = [];
        assert!(select::wait_all(none).is_empty());
        assert!(select::wait_some(none, 3).is_empty());
        assert!(select::wait_all_timeout(none, LONG).is_empty());
    }

    fn things_of_several_types_are_counted_together() {
        let (event, semaphore) = (Event::new(), Semaphore::new(1));
        let handle = thread::spawn(|| ());
        let moment = select::at(Instant::now() + LONG);
        let things: [&dyn Waitable<Output = ()>; 4] = [&event, &semaphore, &handle, &moment];
        let mut came = select::wait_some(things, 2);
        came.sort_unstable();
        assert_eq!(came, [(1, ()), (2, ())]);
        assert_eq!(select::wait_some_timeout(things, 2, SHORT), [(2, ())], "the permit is taken");
        handle.join().unwrap();
    }

    // C27
    fn the_scope_is_named_although_the_wait_has_a_timeout_too() {
        let semaphore = Semaphore::new(0);
        let outcome = timeout(SHORT, || select::wait_all_timeout([&semaphore], LONG));
        assert_eq!(outcome, Err(TimedOut));
        // No ghost waits.
        semaphore.release();
        assert!(semaphore.try_acquire());
    }
}
