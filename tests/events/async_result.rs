//! Results to come.

use greenstd::sync::{AsyncResult, GetError};
use greenstd::thread::{End, Failure};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

laws! {
    fn all_who_ask_share_the_value() {
        let result = Arc::new(AsyncResult::<String>::new());
        assert!(!result.is_set() && result.try_get().is_none());
        let getters: Vec<_> = (0..20)
            .map(|_| {
                let result = result.clone();
                thread::spawn(move || result.get().unwrap() as *const String as usize)
            })
            .collect();
        thread::yield_now();
        result.set("value".to_owned()).unwrap();
        assert_eq!(result.get().unwrap(), "value");
        for getter in getters {
            assert_eq!(getter.join().unwrap(), result.get().unwrap() as *const String as usize);
        }
        assert_eq!(Arc::into_inner(result).unwrap().into_inner().unwrap().unwrap(), "value");
    }

    fn a_second_set_gives_the_value_back() {
        let result = AsyncResult::<_, &str>::new();
        assert_eq!(result.set(1), Ok(()));
        assert_eq!(result.set(2), Err(2));
        assert_eq!(result.set_error("late"), Err("late"));
        assert_eq!(result.set_outcome(Err("later")), Err(Err("later")));
        assert_eq!(result.get(), Ok(&1));
        assert_eq!(result.into_inner(), Some(Ok(1)));
    }

    // C36
    fn an_error_is_what_get_gives_and_wait_does_not() {
        let result = Arc::new(AsyncResult::<()>::new());
        let other = result.clone();
        let waiter = thread::spawn(move || other.wait_timeout(Duration::from_secs(1000)));
        thread::yield_now();
        let error = io::Error::from(io::ErrorKind::NotFound);
        result.set_error(error.into()).unwrap();
        result.wait();
        assert!(waiter.join().unwrap());
        for _ in 0..2 {
            let error = result.get().unwrap_err().downcast_ref::<io::Error>().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        let Err(GetError::Failed(error)) = result.get_timeout(Duration::ZERO) else {
            panic!("it is set");
        };
        assert!(error.is::<io::Error>());
    }

    // C28
    fn get_tells_that_nothing_came_in_time() {
        let result = AsyncResult::<i32, String>::new();
        let start = Instant::now();
        let outcome = result.get_timeout(Duration::from_millis(5));
        assert_eq!(outcome, Err(GetError::TimedOut));
        assert_eq!(outcome.unwrap_err().to_string(), "timed out");
        assert!(!result.wait_timeout(Duration::from_millis(5)));
        assert!(!result.wait_until(start + Duration::from_millis(15)));
        assert!(start.elapsed() >= Duration::from_millis(15));
        result.set(1).unwrap();
        assert_eq!(result.get_timeout(Duration::ZERO), Ok(&1));
    }

    // C44
    fn a_foreign_thread_sets_it() {
        let result = Arc::new(AsyncResult::<i32>::new());
        let other = result.clone();
        let foreign = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5));
            other.set(42)
        });
        assert_eq!(*result.get().unwrap(), 42);
        foreign.join().unwrap().unwrap();
    }

    fn one_of_many_setters_wins() {
        let result = Arc::new(AsyncResult::<usize>::new());
        let setters: Vec<_> = (0..20)
            .map(|number| {
                let result = result.clone();
                thread::spawn(move || (number, result.set(number)))
            })
            .collect();
        let outcomes: Vec<_> = setters.into_iter().map(|setter| setter.join().unwrap()).collect();
        let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(*result.get().unwrap(), winners[0].0);
        assert!(outcomes.iter().all(|(number, set)| set.is_ok() || *set == Err(*number)));
    }
    fn the_end_of_a_green_thread_sets_it_by_a_link() {
        let ends = [
            (|| ()) as fn(),
            || std::panic::resume_unwind(Box::new("on purpose")),
            || greenstd::thread::sleep(Duration::from_secs(1000)),
        ]
        .map(|body| {
            let end = Arc::new(AsyncResult::<(), End>::new());
            let (other, handle) = (end.clone(), greenstd::thread::spawn(body));
            handle.link(move |ended| other.set_outcome(ended.outcome()).unwrap());
            (end, handle)
        });
        let [(finished, _), (panicked, panics), (killed, sleeps)] = ends;
        assert_eq!(finished.get(), Ok(&()));
        assert_eq!(panicked.get(), Err(&End::Panicked("on purpose".to_owned())));
        assert!(!killed.is_set());
        sleeps.kill().unwrap();
        assert_eq!(killed.get(), Err(&End::Killed));
        assert!(panics.join().is_err() && sleeps.join().is_err());
    }

    fn a_link_to_one_that_has_ended_sets_it_too_and_the_first_of_two_counts() {
        let handle = greenstd::thread::spawn(|| ());
        assert!(handle.wait(None));
        let end = Arc::new(AsyncResult::<&str, End>::new());
        let refused = Arc::new(AsyncResult::<_, ()>::new());
        let (first, second, told) = (end.clone(), end.clone(), refused.clone());
        handle.link(move |ended| first.set_outcome(ended.outcome().map(|()| "first")).unwrap());
        handle.link(move |_| told.set(second.set("second").unwrap_err()).unwrap());
        assert_eq!((end.get(), refused.get()), (Ok(&"first"), Ok(&"second")));
    }

    // gevent's `greenlet.link(result)`: the value, or what it has failed with.
    fn the_value_of_a_green_thread_goes_from_its_shared_handle_into_a_result() {
        for fails in [false, true] {
            let result = Arc::new(AsyncResult::<usize, Failure>::new());
            let handle = greenstd::thread::spawn(move || {
                if fails {
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
                7_usize
            })
            .share();
            let (other, ended) = (result.clone(), handle.clone());
            handle.link(move |_| {
                other.set_outcome(ended.get().copied().map_err(Clone::clone)).unwrap();
            });
            match result.get() {
                Ok(&value) => assert!(!fails && value == 7),
                Err(failure) => assert!(fails && failure.message() == "on purpose"),
            }
        }
    }
}
