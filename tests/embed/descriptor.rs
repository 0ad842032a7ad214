//! When the descriptor is readable, and when it is not.

use crate::flavour::Watchdog;
use crate::host::{PATIENCE, drive_by_edges, drive_by_level, driven, is_readable};
use greenstd::net::TcpListener;
use greenstd::runtime::DrivenRuntime;
use greenstd::sync::{Event, Mutex};
use greenstd::{channel, thread};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What another thread does to somebody who waits.
type Act = Box<dyn FnOnce() + Send>;

/// Long enough for a wake-up that is not to come.
const QUIET: Duration = Duration::from_millis(100);

/// Turns until there is nothing to do.
fn settle(runtime: &DrivenRuntime) {
    while is_readable(runtime, Duration::ZERO) {
        runtime.turn(Some(Duration::ZERO));
    }
}

#[test]
fn it_is_quiet_while_there_is_nothing_to_do() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    assert!(!is_readable(&runtime, Duration::ZERO), "a new runtime has nothing to do");
    // A server, a sleeper, a lock that is waited for, a channel: all of them wait.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let lock = Arc::new(Mutex::new(()));
    let held = lock.clone();
    let guard = held.lock().unwrap();
    let (sender, receiver) = channel::unbounded::<()>();
    runtime.spawn(move || listener.accept());
    runtime.spawn(|| thread::sleep(Duration::from_secs(3600)));
    runtime.spawn(move || drop(lock.lock()));
    runtime.spawn(move || receiver.recv());
    settle(&runtime);
    // A host with nothing to do polls once: it sleeps until the end of the test.
    assert!(!is_readable(&runtime, QUIET));
    // Not even after a turn that was for nothing.
    runtime.turn(Some(Duration::ZERO));
    assert!(!is_readable(&runtime, QUIET));
    drop((guard, sender));
}

#[test]
fn a_deadline_makes_it_readable_in_time_and_once() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    for time in [Duration::from_micros(200), Duration::from_millis(3), Duration::from_millis(30)] {
        let start = Instant::now();
        let sleeper = runtime.spawn(move || thread::sleep(time));
        let turns = drive_by_level(&runtime, || sleeper.is_finished());
        assert!(start.elapsed() >= time);
        assert!(turns <= 4, "{turns} turns for a spawn and a deadline");
        settle(&runtime);
    }
    assert!(!is_readable(&runtime, QUIET));
}

#[test]
fn deadlines_that_do_not_come_cost_few_wake_ups() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let (sender, receiver) = channel::unbounded::<u32>();
    let reader = runtime.spawn(move || {
        // Each wait has a deadline, and none is reached.
        (0..1000).map(|_| receiver.recv_timeout(Duration::from_millis(300)).unwrap()).sum::<u32>()
    });
    settle(&runtime);
    for _ in 0..1000 {
        sender.send(1).unwrap();
        runtime.turn(Some(Duration::ZERO));
    }
    assert!(reader.is_finished());
    let mut turns = 0;
    while is_readable(&runtime, Duration::from_millis(400)) {
        runtime.turn(Some(Duration::ZERO));
        turns += 1;
    }
    assert!(turns <= 3, "{turns} wake-ups for deadlines that were called off");
}

#[test]
fn everything_from_outside_makes_it_readable() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let event = Arc::new(Event::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = channel::rendezvous();
    let waits = event.clone();
    let (spawner, parked) = (runtime.spawner(), runtime.spawn(thread::park));
    let to_kill = runtime.spawn(thread::park);
    let handles = [
        runtime.spawn(move || waits.wait()),
        runtime.spawn(move || drop(listener.accept().unwrap())),
        runtime.spawn(move || assert_eq!(receiver.recv(), Ok(7))),
    ];
    settle(&runtime);
    let unpark = parked.thread().clone();
    let outside: [(&str, Act); 6] = [
        ("an event", Box::new(move || event.set())),
        ("a connection", Box::new(move || drop(TcpStream::connect(address).unwrap()))),
        ("a message", Box::new(move || sender.send(7).unwrap())),
        ("an unpark", Box::new(move || unpark.unpark())),
        ("a spawn", Box::new(move || drop(spawner.spawn(|| ())))),
        ("a kill", Box::new(move || to_kill.kill().unwrap())),
    ];
    for (what, act) in outside {
        assert!(!is_readable(&runtime, Duration::from_millis(10)), "before {what}");
        let other = std::thread::spawn(act);
        assert!(is_readable(&runtime, PATIENCE), "{what} was not told");
        assert!(is_readable(&runtime, Duration::ZERO), "it stays readable until there is a turn");
        settle(&runtime);
        other.join().unwrap();
        settle(&runtime);
    }
    assert!(parked.is_finished() && handles.iter().all(|handle| handle.is_finished()));
}

#[test]
fn what_the_host_itself_does_between_turns_is_told_as_well() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let event = Arc::new(Event::new());
    let waits = event.clone();
    let waiter = runtime.spawn_local(move || waits.wait());
    assert!(is_readable(&runtime, Duration::ZERO), "a local spawn");
    settle(&runtime);
    event.set();
    assert!(is_readable(&runtime, Duration::ZERO), "a wake");
    settle(&runtime);
    assert!(waiter.is_finished());
    let spawned = runtime.spawn(|| ());
    assert!(is_readable(&runtime, Duration::ZERO), "a spawn");
    settle(&runtime);
    assert!(spawned.is_finished());
}

#[test]
fn no_edge_is_lost_when_more_descriptors_are_ready_than_are_taken_at_once() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let readers: Vec<_> = (0..1200)
        .map(|_| {
            let (mut reader, writer) = greenstd::io::pipe().unwrap();
            let handle = runtime.spawn(move || {
                let mut byte = [0];
                reader.read_exact(&mut byte).unwrap();
            });
            (handle, writer)
        })
        .collect();
    settle(&runtime);
    let (handles, writers): (Vec<_>, Vec<_>) = readers.into_iter().unzip();
    for mut writer in writers {
        writer.write_all(b"x").unwrap();
    }
    drive_by_edges(&runtime, || handles.iter().all(|handle| handle.is_finished()));
}
