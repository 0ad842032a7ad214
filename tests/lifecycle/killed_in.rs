//! A kill ends every kind of wait: destructors run, and what was waited for is unharmed.

use crate::fixture::{Count, Guard, LONG, was_killed};
use crate::flavour::Watchdog;
use crate::scenes::{Scene, assert_ends, connect, read, scene, std_pair, wait_readable, write};
use greenstd::io;
use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::Builder;
use greenstd::sync::Semaphore;
use greenstd::thread;
use std::sync::{Arc, mpsc};
use std::time::Duration;

macro_rules! killed_in {
    ($($law:ident: $scene:expr;)*) => {
        $(#[test] fn $law() { is_killed_in($scene); })*
    };
}

killed_in! {
    a_sleep: || scene(|| thread::sleep(LONG), || {});
    an_endless_sleep: || scene(|| thread::sleep(Duration::MAX), || {});
    a_park: || scene(thread::park, || {});
    a_join: || scene(|| drop(thread::spawn(|| thread::sleep(LONG)).join()), || {});
    a_wait_for_an_end: || scene(|| assert!(!thread::spawn(thread::park).wait(None)), || {});
    a_shared_result: || scene(|| assert!(thread::spawn(thread::park).share().get().is_ok()), || {});
    a_join_of_many: || {
        let sleepers = || (0..3).map(|_| thread::spawn(|| thread::sleep(LONG)));
        scene(move || drop(thread::join_all(sleepers()).wait()), || {})
    };
    // C38
    a_semaphore: semaphore;
    a_read: read;
    a_write: write;
    a_copy_in_both_directions: copy_bidirectional;
    an_accept: accept;
    a_connect: connect;
    a_wait_for_a_descriptor: wait_readable;
    a_scope: || scene(|| thread::scope(|scope| {
        let child = scope.spawn(|| thread::sleep(Duration::from_millis(60)));
        let _ = child.join();
    }), || {});
    a_nursery: || scene(|| {
        let outcome = thread::nursery(|nursery| {
            nursery.spawn(|| -> Result<(), ()> { loop { thread::park() } });
            Ok(())
        });
        assert_eq!(outcome, Err(()));
    }, || {});
    a_timeout_scope: || scene(|| {
        greenstd::time::timeout(LONG, || thread::sleep(LONG)).unwrap();
    }, || {});
}

fn is_killed_in(scene: fn() -> Scene) {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        // To meet it on the way to its wait, and in it.
        for pause_ms in [0, 30] {
            let runtime = Builder::new().workers(workers).build().unwrap();
            let (drops, (entered, has_entered)) = (Count::default(), mpsc::channel());
            let guard = Guard(drops.clone());
            let (wait, check) = scene();
            let waiter = runtime.spawn(move || {
                let _guard = guard;
                entered.send(()).unwrap();
                wait();
                unreachable!("the wait has no end");
            });
            has_entered.recv().unwrap();
            std::thread::sleep(Duration::from_millis(pause_ms));
            assert!(waiter.kill_and_wait(None).unwrap());
            assert_eq!(drops.get(), 1);
            assert!(was_killed(waiter));
            check();
            runtime.shutdown();
        }
    }
}

fn semaphore() -> Scene {
    let semaphore = Arc::new(Semaphore::new(0));
    let other = semaphore.clone();
    scene(
        move || other.acquire(),
        move || {
            semaphore.release();
            assert!(semaphore.try_acquire(), "the one that was killed is no ghost in the line");
        },
    )
}

fn accept() -> Scene {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    scene(move || drop(listener.accept()), || {})
}

fn copy_bidirectional() -> Scene {
    let ((client, a), (b, server)) = (std_pair(), std_pair());
    let (a, b) = (TcpStream::from(a), TcpStream::from(b));
    let check = || {
        assert_ends(client);
        assert_ends(server);
    };
    scene(move || drop(io::copy_bidirectional(&a, &b)), check)
}
