//! How much is looked up at once, and what happens beyond.

use super::{A_WHILE, FOUND, Gate, eventually};
use crate::child;
use greenstd::net::resolver::{Builder, Resolve};
use greenstd::time::{Duration, Instant};
use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;

laws! {
    fn no_more_names_are_asked_for_at_once_than_there_are_threads() {
        let (gate, ask) = Gate::new();
        let resolver = Arc::new(Builder::new().threads(2).pooled(ask));
        let waiting: Vec<_> = (0..6)
            .map(|number| {
                let resolver = resolver.clone();
                thread::spawn(move || resolver.resolve(&format!("{number}.test"), None))
            })
            .collect();
        gate.wait_for_asked(2);
        thread::sleep(A_WHILE);
        assert_eq!(gate.asked(), 2);
        gate.open();
        for waiting in waiting {
            assert_eq!(waiting.join().unwrap().unwrap(), [FOUND]);
        }
        assert_eq!(gate.asked(), 6);
    }

    fn a_deadline_ends_the_wait_for_room_in_the_queue() {
        let (gate, ask) = Gate::new();
        let resolver = Arc::new(Builder::new().threads(1).queue(1).pooled(ask));
        let [running, queued] = ["running", "queued"].map(|host| {
            let resolver = resolver.clone();
            let waiting = thread::spawn(move || resolver.resolve(host, None));
            gate.wait_for_asked(1);
            waiting
        });
        eventually("one is queued", || format!("{resolver:?}").contains("in_flight: 2"));
        let error = resolver.resolve("late", Some(Instant::now() + A_WHILE)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        gate.open();
        assert_eq!(running.join().unwrap().unwrap(), [FOUND]);
        assert_eq!(queued.join().unwrap().unwrap(), [FOUND]);
        assert_eq!(resolver.resolve("late", None).unwrap(), [FOUND]);
    }

    fn a_name_for_which_nobody_waits_any_more_is_not_asked_for() {
        let (gate, ask) = Gate::new();
        let resolver = Arc::new(Builder::new().threads(1).pooled(ask));
        let running = resolver.clone();
        let running = thread::spawn(move || running.resolve("running", None));
        gate.wait_for_asked(1);
        for number in 0..10 {
            let soon = Instant::now() + Duration::from_millis(1);
            resolver.resolve(&format!("{number}.test"), Some(soon)).unwrap_err();
        }
        gate.open();
        assert_eq!(running.join().unwrap().unwrap(), [FOUND]);
        assert_eq!(resolver.resolve("last", None).unwrap(), [FOUND]);
        assert_eq!(gate.asked(), 2, "the first and the last");
    }
}

#[test]
#[should_panic(expected = "resolver::Builder::threads")]
fn zero_threads_are_refused() {
    let _ = Builder::new().threads(0);
}

#[test]
#[should_panic(expected = "resolver::Builder::queue")]
fn a_queue_without_room_is_refused() {
    let _ = Builder::new().queue(0);
}

/// How many OS threads of this process look names up.
fn resolver_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // One that has ended meanwhile has no name.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    // The kernel keeps fifteen letters.
    names.filter(|name| name.starts_with("greenstd-resolv")).count()
}

#[test]
fn threads_start_on_demand_leave_when_idle_and_end_with_their_resolver() {
    child::succeed(|| {
        let (gate, ask) = Gate::new();
        gate.open();
        let resolver = Builder::new().idle_timeout(Duration::from_millis(10)).pooled(ask);
        assert_eq!(resolver_threads(), 0);
        for _ in 0..2 {
            resolver.resolve("a.test", None).unwrap();
            eventually("the idle leave", || resolver_threads() == 0);
        }
        let (gate, ask) = Gate::new();
        gate.open();
        let resolver = Builder::new().idle_timeout(Duration::MAX).pooled(ask);
        resolver.resolve("a.test", None).unwrap();
        assert_eq!(resolver_threads(), 1);
        drop(resolver);
        eventually("they end with the resolver", || resolver_threads() == 0);
        // One that hangs delays nobody who drops the resolver, and ends when it can.
        let (gate, ask) = Gate::new();
        let resolver = Builder::new().pooled(ask);
        resolver.resolve("a.test", Some(Instant::now() + A_WHILE)).unwrap_err();
        gate.wait_for_asked(1);
        drop(resolver);
        assert_eq!(resolver_threads(), 1);
        gate.open();
        eventually("the last one ends", || resolver_threads() == 0);
    });
}
