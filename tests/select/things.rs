//! What can be waited for, thing by thing: it is ready when its blocking call would go on, it wakes
//! whoever waits, it gives what is said, and a wait that loses changes nothing about it.

use greenstd::channel;
use greenstd::select::{self, Waitable};
use greenstd::sync::{AsyncResult, Event, WaitGroup};
use greenstd::thread::{Builder, Killed};
use greenstd::time::{MissedTicks, Ticker};
use std::panic;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(3);

fn has_come<W: Waitable>(thing: &W) -> bool {
    select::wait_any_timeout([thing], Duration::ZERO).is_some()
}

/// Waits for two things of which the second comes, so that the first one loses while it is linked.
fn lose<W: Waitable>(thing: &W) {
    let moment = channel::after(SHORT);
    greenstd::select! {
        wait(thing) -> _ => unreachable!("it does not come"),
        recv(moment) -> _ => (),
    }
}

laws! {
    // C35
    fn an_event_that_is_set_is_ready_each_time() {
        let event = Event::new();
        assert!(!has_come(&event));
        event.set();
        assert_eq!(select::wait_any([&event]), (0, ()));
        assert_eq!(select::wait_any([&event]), (0, ()));
        event.clear();
        assert!(!has_come(&event));
    }

    // C33
    fn an_event_that_is_cleared_at_once_wakes_the_selects_that_wait() {
        let event = Arc::new(Event::new());
        let silence = channel::never::<()>();
        let waiters: Vec<_> = (0..20)
            .map(|_| {
                let (event, silence) = (event.clone(), silence.clone());
                let (here, arrived) = channel::unbounded();
                let waiter = thread::spawn(move || {
                    here.send(()).unwrap();
                    greenstd::select! { wait(event) => true, recv(silence) -> _ => false }
                });
                arrived.recv().unwrap();
                waiter
            })
            .collect();
        // Long enough for all of them to wait; who is late is let go on by the next setting.
        thread::sleep(SHORT);
        while waiters.iter().any(|waiter| !waiter.is_finished()) {
            event.set();
            event.clear();
            thread::yield_now();
        }
        waiters.into_iter().for_each(|waiter| assert!(waiter.join().unwrap()));
        assert!(!has_come(&event));
    }

    fn an_event_that_loses_lets_the_others_go_on() {
        let event = Arc::new(Event::new());
        lose(&event);
        let other = event.clone();
        let waiter = thread::spawn(move || other.wait());
        event.set();
        waiter.join().unwrap();
        // Nobody is counted as about to run, so this does not give way without end.
        assert!(event.wait_timeout(SHORT));
    }

    fn a_result_is_taken_after_the_wait() {
        let result = Arc::new(AsyncResult::<_, ()>::new());
        lose(&result);
        let other = result.clone();
        let setter = thread::spawn(move || {
            thread::sleep(SHORT);
            other.set(42).unwrap();
        });
        assert_eq!(select::wait_any([&*result]), (0, ()));
        assert_eq!(result.get(), Ok(&42));
        assert!(has_come(&result) && has_come(&result));
        setter.join().unwrap();
    }

    // C36
    fn a_result_that_is_an_error_ends_the_wait_as_well() {
        let result = AsyncResult::<(), _>::new();
        result.set_error("no").unwrap();
        assert_eq!(select::wait_any([&result]), (0, ()));
        assert_eq!(result.get(), Err(&"no"));
    }

    fn a_wait_group_ends_the_wait_when_all_is_done() {
        let group = Arc::new(WaitGroup::new());
        assert!(has_come(&group), "nothing is to be done");
        let token = group.token_owned();
        lose(&group);
        let worker = thread::spawn(move || {
            thread::sleep(SHORT);
            drop(token);
        });
        assert_eq!(select::wait_any([&*group]), (0, ()));
        worker.join().unwrap();
        let _token = group.token();
        assert!(!has_come(&group), "it is used anew");
    }

    fn a_tick_ends_the_wait_and_is_there_to_be_taken() {
        let start = Instant::now();
        let mut ticker = Ticker::new(SHORT).missed_ticks(MissedTicks::Burst);
        let silence = channel::never::<()>();
        for number in 1..=3 {
            greenstd::select! {
                wait(ticker) => (),
                recv(silence) -> _ => unreachable!(),
            }
            assert_eq!(ticker.try_tick(), Some(ticker.next_tick() - SHORT));
            assert!(start.elapsed() >= number * SHORT);
        }
        ticker.reset();
        let far = Ticker::new(Duration::MAX);
        assert_eq!(select::wait_any([&far, &ticker]), (1, ()));
    }

    fn an_end_leaves_the_result_to_the_join() {
        let silence = channel::never::<()>();
        let handle = thread::spawn(|| {
            greenstd::thread::sleep(SHORT);
            String::from("result")
        });
        greenstd::select! { wait(handle) => (), recv(silence) -> _ => unreachable!() }
        assert!(handle.is_finished());
        assert!(has_come(&handle) && has_come(handle.thread()));
        assert_eq!(handle.join().unwrap(), "result");
    }

    fn an_end_by_a_panic_or_a_kill_is_an_end() {
        let panicked = thread::spawn(|| panic::resume_unwind(Box::new("on purpose")));
        let killed = thread::spawn(|| greenstd::thread::sleep(Duration::from_secs(1000)));
        killed.kill().unwrap();
        assert_eq!(select::wait_all([panicked.thread(), killed.thread()]), [(), ()]);
        assert_eq!(panicked.join().unwrap_err().downcast_ref(), Some(&"on purpose"));
        assert!(killed.join().unwrap_err().is::<Killed>());
    }

    fn a_shared_end_is_waited_for_by_many() {
        let handle = thread::spawn(|| greenstd::thread::sleep(SHORT)).share();
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                let handle = handle.clone();
                thread::spawn(move || select::wait_any([&handle]))
            })
            .collect();
        waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join().unwrap(), (0, ())));
        assert!(has_come(&handle) && handle.get().is_ok());
    }

    fn a_scoped_end_is_waited_for_inside_of_its_scope() {
        let mut number = 1;
        thread::scope(|scope| {
            let adding = scope.spawn(|| {
                greenstd::thread::sleep(SHORT);
                number += 1;
            });
            assert_eq!(select::wait_any([&adding]), (0, ()));
            adding.join().unwrap();
        });
        assert_eq!(number, 2);
    }

    fn an_end_that_loses_leaves_nobody_behind_who_is_told() {
        let (release, released) = channel::rendezvous::<()>();
        let handle = thread::spawn(move || released.recv().is_ok());
        for _ in 0..20 {
            assert_eq!(select::wait_any_timeout([&handle], Duration::from_micros(100)), None);
        }
        lose(&handle);
        // One who waits by himself is told; those who have left are not looked for.
        let (thread, other) = (handle.thread().clone(), Event::new());
        release.send(()).unwrap();
        let things: [&dyn Waitable<Output = ()>; 2] = [&other, &thread];
        assert_eq!(select::wait_any(things), (1, ()));
        assert!(handle.join().unwrap());
    }

    fn the_first_of_many_ends_is_told_and_the_others_go_on() {
        // C22
        let (release, released) = channel::rendezvous::<()>();
        let handles: Vec<_> = (0..10)
            .map(|number| {
                let released = released.clone();
                thread::spawn(move || if number != 7 { released.recv().unwrap() })
            })
            .collect();
        assert_eq!(select::wait_any(&handles), (7, ()));
        assert_eq!(handles.iter().filter(|handle| handle.is_finished()).count(), 1);
        (0..9).for_each(|_| release.send(()).unwrap());
        assert_eq!(select::wait_all(&handles).len(), 10);
    }

    fn one_who_is_killed_while_he_waits_for_ends_leaves_them_be() {
        let (release, released) = channel::rendezvous::<()>();
        let handle = thread::spawn(move || released.recv().unwrap()).share();
        let event = Arc::new(Event::new());
        let (theirs, other) = (handle.clone(), event.clone());
        let (here, arrived) = channel::unbounded();
        let waiter = thread::spawn(move || {
            here.send(()).unwrap();
            greenstd::select! { wait(theirs) => (), wait(other) => () }
        });
        arrived.recv().unwrap();
        // Parked or not, he ends.
        thread::sleep(SHORT);
        waiter.kill().unwrap();
        assert!(waiter.join().unwrap_err().is::<Killed>());
        assert!(!handle.is_finished());
        release.send(()).unwrap();
        handle.get().unwrap();
        event.set();
        event.wait();
    }
}

mod green {
    use super::*;

    laws! {
        green
        fn a_local_end_is_waited_for() {
            let silence = channel::never::<()>();
            let handle = greenstd::spawn_local(|| {
                greenstd::thread::sleep(SHORT);
                std::rc::Rc::new(5)
            });
            greenstd::select! { wait(handle) => (), recv(silence) -> _ => unreachable!() }
            assert_eq!(*handle.join().unwrap(), 5);
        }

        fn the_own_end_does_not_come_while_one_waits() {
            let own = thread::current();
            lose(&own);
        }
    }
}

#[test]
fn the_end_of_an_os_thread_is_refused() {
    let own = greenstd::thread::current();
    let refused = panic::catch_unwind(|| select::wait_any([&own]));
    assert!(refused.is_err());
    assert!(Builder::new().spawn_local(|| ()).is_err(), "this is an OS thread");
}

/// Ends race against losing, winning and being killed: each select ends, and exactly once.
#[test]
fn ends_that_race_against_other_arms_are_all_told() {
    for workers in [1, 2] {
        crate::flavour::on_workers(workers, || {
            for round in 0..300 {
                let event = Arc::new(Event::new());
                let ending = greenstd::thread::spawn(move || {
                    (0..round % 4).for_each(|_| greenstd::thread::yield_now());
                })
                .share();
                let selects: Vec<_> = (0..3)
                    .map(|_| {
                        let (ending, event) = (ending.clone(), event.clone());
                        greenstd::thread::spawn(move || {
                            greenstd::select! { wait(ending) => 'e', wait(event) => 's' }
                        })
                    })
                    .collect();
                if round % 2 == 0 {
                    event.set();
                }
                if round % 3 == 0 {
                    selects[0].kill().unwrap();
                }
                for (number, select) in selects.into_iter().enumerate() {
                    let outcome = select.join();
                    assert!(outcome.is_ok() || number == 0 && round % 3 == 0);
                }
                ending.get().unwrap();
            }
        });
    }
}
