//! States, times, the tree of who has spawned whom, green locals; hogs, and runtimes that end.

use crate::fixture::{report, until};
use crate::flavour::{Watchdog, on_workers};
use greenstd::diag::{self, Options, State};
use greenstd::runtime::{Builder, ThreadLocals};
use greenstd::{green_local, thread};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn the_caller_is_parked_on_its_own_worker_while_neighbours_go_on() {
    on_workers(1, || {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let neighbour = thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                thread::yield_now();
            }
        });
        let me = thread::current().id();
        report(&Options::new(), me, |it| it.state() == State::Parked);
        report(&Options::new(), neighbour.thread().id(), |it| {
            matches!(it.state(), State::Running { worker: 0 } | State::Runnable)
        });
        is_over.store(true, Ordering::Relaxed);
        neighbour.join().unwrap();
    });
}

#[test]
fn a_child_names_its_parent_and_a_root_names_none() {
    on_workers(2, || {
        let me = thread::current().id();
        let middle = thread::spawn(|| {
            let leaf = thread::spawn(thread::park);
            let id = leaf.thread().id();
            (leaf, id, thread::current().id())
        });
        let (leaf, leaf_id, middle_id) = middle.join().unwrap();
        until(&Options::new(), |dump| {
            let report = dump.thread(leaf_id)?;
            assert_eq!(report.parent(), Some(middle_id), "{dump}");
            assert!(dump.thread(middle_id).is_none(), "it has ended");
            assert_eq!(dump.thread(me)?.parent(), None);
            assert_eq!(dump.children(middle_id).count(), 1);
            Some(())
        });
        leaf.thread().unpark();
        leaf.join().unwrap();
    });
}

#[test]
fn who_is_put_off_has_not_started_and_says_when_it_will() {
    on_workers(1, || {
        let later = thread::spawn_later(Duration::from_secs(1000), || ());
        let seen = report(&Options::new(), later.thread().id(), |it| it.time_left().is_some());
        assert_eq!((seen.state(), seen.wait()), (State::Unstarted, None));
        later.thread().kill().unwrap();
        assert!(later.join().is_err());
    });
}

#[test]
fn a_hog_is_named_with_its_worker_and_those_behind_it_are_listed() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(1).monitor(None).build().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let ends = is_over.clone();
    let parked = runtime.spawn(thread::park);
    report(&Options::new(), parked.thread().id(), |it| it.state() == State::Parked);
    let hog = runtime.spawn(move || {
        let behind = [thread::spawn(|| ()), thread::spawn(|| ())];
        while !ends.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
        behind.into_iter().for_each(|it| it.join().unwrap());
    });
    let id = hog.thread().id();
    let start = Instant::now();
    let dump = until(&Options::new(), |dump| {
        let is_seen = dump.thread(id)?.state() == State::Running { worker: 0 };
        let behind = dump.children(id).filter(|it| it.state() == State::Unstarted).count();
        (is_seen && behind == 2 && dump.thread(id)?.waits_for() > Duration::from_millis(30))
            .then(|| dump.clone())
    });
    assert!(start.elapsed() < Duration::from_secs(10));
    let of_hog = dump.thread(id).unwrap().runtime();
    let runtimes = dump.runtimes().iter();
    let worker = &runtimes.clone().find(|it| it.number() == of_hog).unwrap().workers()[0];
    assert!(worker.is_stuck() && worker.running() == Some(id), "{dump}");
    assert!(worker.runs_for() > Duration::from_millis(30));
    // Who is parked there can be looked at all the same.
    assert_eq!(dump.thread(parked.thread().id()).unwrap().state(), State::Parked);
    assert!(dump.to_string().contains("does not answer"), "{dump}");
    is_over.store(true, Ordering::Relaxed);
    hog.join().unwrap();
    parked.thread().unpark();
    parked.join().unwrap();
}

#[test]
fn a_wait_is_as_long_as_it_has_lasted() {
    on_workers(1, || {
        let waiter = thread::spawn(thread::park);
        let start = Instant::now();
        thread::sleep(Duration::from_millis(200));
        let seen = report(&Options::new(), waiter.thread().id(), |it| it.wait().is_some());
        let least = Duration::from_millis(150);
        assert!(seen.waits_for() > least && seen.waits_for() < start.elapsed() + least, "{seen}");
        waiter.thread().unpark();
        waiter.join().unwrap();
    });
}

green_local! {
    static STEP: Cell<u32> = const { Cell::new(0) };
    static NAMES: RefCell<Vec<&'static str>> = RefCell::new(Vec::new());
    static SHARED: RefCell<Option<Rc<u32>>> = RefCell::new(None);
}

#[test]
fn green_locals_are_shown_on_request_if_they_can_be() {
    on_workers(2, || {
        let waiter = thread::spawn(|| {
            STEP.set(7);
            NAMES.set(vec!["one", "two"]);
            SHARED.set(Some(Rc::new(1)));
            thread::park();
        });
        let id = waiter.thread().id();
        let options = Options::new().locals(true);
        let seen = report(&options, id, |it| it.wait().is_some());
        let locals: Vec<_> = seen.locals().iter().map(|it| (it.name(), it.value())).collect();
        assert!(locals.iter().any(|it| it.0 == "STEP" && it.1.contains('7')), "{locals:?}");
        assert!(locals.iter().any(|it| it.0 == "NAMES" && it.1.contains("two")), "{locals:?}");
        assert!(locals.iter().all(|it| it.0 != "SHARED"), "an `Rc` may be somebody else's, too");
        assert!(diag::dump().thread(id).unwrap().locals().is_empty());
        waiter.thread().unpark();
        waiter.join().unwrap();
    });
}

#[test]
fn those_with_their_own_thread_locals_are_seen_as_all_others() {
    if thread::ThreadLocals::Own == ThreadLocals::Own && !has_own_locals() {
        return;
    }
    for workers in [1, 2] {
        let _watchdog = Watchdog::new();
        let builder = Builder::new().workers(workers).thread_locals(ThreadLocals::Own);
        let runtime = builder.build().unwrap();
        let waiter = runtime.spawn(thread::park);
        let sleeper = runtime.spawn(|| thread::sleep(Duration::from_secs(1000)));
        let options = Options::new().stacks(true);
        let seen = report(&options, waiter.thread().id(), |it| it.wait().is_some());
        assert!(seen.has_own_thread_locals() && seen.stack().is_some(), "{seen}");
        let seen = report(&options, sleeper.thread().id(), |it| it.wait().is_some());
        assert!(seen.time_left().is_some(), "{seen}");
        waiter.thread().unpark();
        waiter.join().unwrap();
        sleeper.thread().kill().unwrap();
        assert!(sleeper.join().is_err());
    }
}

fn has_own_locals() -> bool {
    let own = Builder::new().workers(1).thread_locals(ThreadLocals::Own).build();
    own.inspect_err(|error| println!("skipped: {error}")).is_ok()
}

#[test]
fn a_dump_finds_who_is_to_be_killed_by_its_number() {
    on_workers(2, || {
        let endless = thread::spawn(|| {
            loop {
                thread::park();
            }
        });
        let seen = report(&Options::new(), endless.thread().id(), |it| it.wait().is_some());
        let found = diag::find(seen.number()).unwrap();
        assert_eq!(found.id(), endless.thread().id());
        found.kill().unwrap();
        assert!(endless.join().is_err());
        assert!(diag::find(seen.number()).is_none(), "it has ended");
        assert!(diag::find(u64::MAX).is_none());
    });
}

#[test]
fn a_runtime_that_has_ended_is_not_listed() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(2).name("ends-soon").build().unwrap();
    let waiter = runtime.spawn(thread::park);
    report(&Options::new(), waiter.thread().id(), |it| it.wait().is_some());
    let is_listed = || diag::dump().runtimes().iter().any(|it| it.name() == "ends-soon");
    assert!(is_listed());
    runtime.shutdown();
    assert!(waiter.join().is_err());
    assert!(!is_listed());
}
