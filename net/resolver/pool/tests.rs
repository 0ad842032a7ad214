//! Laws of the pool, with a look-up that the test controls.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const SOME_ADDRESS: ([u8; 4], u16) = ([192, 0, 2, 1], 0);

impl PooledResolver {
    fn look_up(&self, host: &str) -> Answer {
        self.resolve(host, None)
    }
}

fn resolver(
    limits: Limits,
    ask: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> &'static PooledResolver {
    Box::leak(Box::new(PooledResolver::with(ask, limits)))
}

fn limits(threads: usize, queued: usize) -> Limits {
    Limits { threads, queued, idle: Duration::from_secs(5) }
}

/// A door that holds look-ups back until it is opened.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    asked: AtomicUsize,
}

impl Gate {
    fn leaked() -> &'static Gate {
        Box::leak(Box::default())
    }

    fn pass(&self) -> Answer {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut open = self.open.lock();
        while !*open {
            self.opened.wait(&mut open);
        }
        Ok(vec![SOME_ADDRESS.into()])
    }

    fn open(&self) {
        *self.open.lock() = true;
        self.opened.notify_all();
    }
}

/// Yields until `condition` holds; a law that never comes true fails here, after ten seconds.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn ask_in_threads(
    resolver: &'static PooledResolver,
    hosts: impl IntoIterator<Item = String>,
) -> Vec<thread::JoinHandle<Answer>> {
    hosts.into_iter().map(|host| thread::spawn(move || resolver.look_up(&host))).collect()
}

#[test]
fn equal_look_ups_share_one_answer() {
    let gate = Gate::leaked();
    let resolver = resolver(limits(4, 16), |_| gate.pass());
    let first = ask_in_threads(resolver, ["a.test".to_owned()]);
    eventually("the first is asked", || gate.asked.load(Ordering::Relaxed) == 1);
    let joined = ask_in_threads(resolver, (0..20).map(|_| "a.test".to_owned()));
    let query = Arc::clone(&resolver.shared.state.lock().in_flight["a.test"]);
    // Held by the table, the resolver thread, this test, and each of the 21 askers.
    eventually("all have joined", || Arc::strong_count(&query) == 3 + 21);
    gate.open();
    for asker in first.into_iter().chain(joined) {
        assert_eq!(asker.join().unwrap().unwrap(), [SOME_ADDRESS.into()]);
    }
    assert_eq!(gate.asked.load(Ordering::Relaxed), 1);
    assert!(resolver.shared.state.lock().in_flight.is_empty());
    resolver.look_up("a.test").unwrap();
    assert_eq!(gate.asked.load(Ordering::Relaxed), 2, "answers are not cached");
}

#[test]
fn threads_start_on_demand_and_stay_within_the_limit() {
    let gate = Gate::leaked();
    let resolver = resolver(limits(3, 16), |_| gate.pass());
    assert_eq!(resolver.shared.state.lock().threads, 0);
    let askers = ask_in_threads(resolver, (0..8).map(|n| format!("{n}.test")));
    eventually("three are asked, five wait", || {
        gate.asked.load(Ordering::Relaxed) == 3 && resolver.shared.state.lock().queue.len() == 5
    });
    assert_eq!(resolver.shared.state.lock().threads, 3);
    gate.open();
    for asker in askers {
        asker.join().unwrap().unwrap();
    }
    assert_eq!(gate.asked.load(Ordering::Relaxed), 8);
}

#[test]
fn idle_threads_leave_and_come_back() {
    let short = Limits { threads: 2, queued: 16, idle: Duration::from_millis(20) };
    let resolver = resolver(short, |_| Ok(vec![SOME_ADDRESS.into()]));
    for _ in 0..2 {
        resolver.look_up("a.test").unwrap();
        eventually("all threads have left", || resolver.shared.state.lock().threads == 0);
        assert_eq!(resolver.shared.state.lock().idle, 0);
    }
}

#[test]
fn callers_wait_for_room_in_a_full_queue() {
    let gate = Gate::leaked();
    let resolver = resolver(limits(1, 2), |_| gate.pass());
    // Every name twice, so that some of those offered room join an equal query instead.
    let askers = ask_in_threads(resolver, (0..40).map(|n| format!("{}.test", n / 2)));
    eventually("the queue is full and others wait", || {
        let state = resolver.shared.state.lock();
        state.queue.len() == 2 && state.room.len() >= 34
    });
    gate.open();
    for asker in askers {
        asker.join().unwrap().unwrap();
    }
    let state = resolver.shared.state.lock();
    assert!(state.room.is_empty() && state.queue.is_empty() && state.in_flight.is_empty());
}

#[test]
fn errors_reach_every_waiter_with_kind_and_text() {
    let resolver = resolver(limits(1, 4), |host| match host {
        "code" => Err(io::Error::from_raw_os_error(libc::EMFILE)),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such host")),
    });
    assert_eq!(resolver.look_up("code").unwrap_err().raw_os_error(), Some(libc::EMFILE));
    let error = resolver.look_up("text").unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::NotFound, "no such host".into()));
}

#[test]
fn panicking_look_up_is_an_error_and_the_thread_serves_on() {
    let resolver = resolver(limits(1, 4), |host| match host {
        "bad" => panic!("on purpose"),
        _ => Ok(vec![SOME_ADDRESS.into()]),
    });
    assert!(resolver.look_up("bad").is_err());
    assert!(resolver.look_up("good").is_ok());
    assert_eq!(resolver.shared.state.lock().threads, 1);
}

#[test]
fn whoever_gives_up_is_listed_no_more() {
    let gate = Gate::leaked();
    let resolver = resolver(limits(1, 1), |_| gate.pass());
    let late = || Some(Instant::now() + Duration::from_millis(1));
    let patient = ask_in_threads(resolver, ["a.test".to_owned()]);
    eventually("it is asked", || gate.asked.load(Ordering::Relaxed) == 1);
    for _ in 0..10 {
        let error = resolver.resolve("a.test", late()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
    let query = Arc::clone(&resolver.shared.state.lock().in_flight["a.test"]);
    assert_eq!(query.waiting(), 1, "the patient one");
    for name in ["queued.test", "room.test", "room.test"] {
        assert!(resolver.resolve(name, late()).is_err());
    }
    assert!(resolver.shared.state.lock().room.is_empty());
    gate.open();
    patient.into_iter().for_each(|patient| assert!(patient.join().unwrap().is_ok()));
    assert!(resolver.look_up("b.test").is_ok());
    let state = resolver.shared.state.lock();
    assert!(state.queue.is_empty() && state.in_flight.is_empty());
    assert_eq!(gate.asked.load(Ordering::Relaxed), 2, "nobody waited for the queued one");
}

/// What a green thread waits for that looks a name up in vain.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wait {
    ForTheAnswer,
    ForRoom,
}

/// Ends a runtime in which one green thread waits so, and returns whether its destructors ran.
fn end_while_waiting(wait: Wait, look_up: fn(&'static PooledResolver, &str)) -> bool {
    let gate = Gate::leaked();
    let resolver = resolver(limits(1, 1), |_| gate.pass());
    let mut others = Vec::new();
    if wait == Wait::ForRoom {
        others.extend(ask_in_threads(resolver, ["running.test".to_owned()]));
        eventually("one runs", || gate.asked.load(Ordering::Relaxed) == 1);
        others.extend(ask_in_threads(resolver, ["queued.test".to_owned()]));
        eventually("one is queued", || resolver.shared.state.lock().queue.len() == 1);
    }
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let runtime = greenstd_runtime::runtime::Builder::new().workers(1).build().unwrap();
    let waiter = runtime.spawn(move || {
        let _held = held;
        look_up(resolver, "awaited.test");
    });
    eventually("it waits", || match wait {
        Wait::ForTheAnswer => gate.asked.load(Ordering::Relaxed) == 1,
        Wait::ForRoom => !resolver.shared.state.lock().room.is_empty(),
    });
    runtime.shutdown();
    let payload = waiter.join().expect_err("it was killed");
    assert!(payload.is::<greenstd_runtime::thread::Killed>());
    assert!(resolver.shared.state.lock().room.is_empty(), "nobody is left in the queue for room");
    gate.open();
    others.into_iter().for_each(|other| assert!(other.join().unwrap().is_ok()));
    // The answer that nobody waits for any more harms nobody, and later look-ups work.
    assert!(resolver.look_up("later.test").is_ok());
    Arc::strong_count(&alive) == 1
}

#[test]
fn killed_look_up_is_unwound_whatever_it_waits_for() {
    for wait in [Wait::ForTheAnswer, Wait::ForRoom] {
        let is_unwound = end_while_waiting(wait, |resolver, host| {
            let _ = resolver.look_up(host);
            unreachable!("nobody answers {host}");
        });
        assert!(is_unwound, "{wait:?}");
    }
}

#[test]
fn look_up_in_a_destructor_of_a_killed_green_thread_is_an_error() {
    struct LooksUpWhenDropped(&'static PooledResolver, String);
    impl Drop for LooksUpWhenDropped {
        fn drop(&mut self) {
            let error = self.0.look_up(&self.1).expect_err("a killed one does not wait");
            assert!(error.get_ref().is_some_and(|e| e.is::<greenstd_runtime::thread::Killed>()));
        }
    }
    for wait in [Wait::ForTheAnswer, Wait::ForRoom] {
        let is_unwound = end_while_waiting(wait, |resolver, host| {
            let _looks_up = LooksUpWhenDropped(resolver, host.to_owned());
            let _ = resolver.look_up(host);
        });
        assert!(is_unwound, "{wait:?}");
    }
}
