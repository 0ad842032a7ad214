//! A kill ends every kind of wait: destructors run, and what was waited for is unharmed.

use crate::fixture::{Count, Guard, LONG, was_killed};
use crate::flavour::Watchdog;
use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::Builder;
use greenstd::sync::Semaphore;
use greenstd::thread;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

type Wait = Box<dyn FnOnce() + Send>;

/// A wait that never ends by itself, and what is checked, and kept alive, until it was killed.
type Scene = (Wait, Box<dyn FnOnce()>);

fn scene(wait: impl FnOnce() + Send + 'static, check: impl FnOnce() + 'static) -> Scene {
    (Box::new(wait), Box::new(check))
}

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

/// Both ends of a loopback connection.
fn pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn assert_ends(mut peer: impl Read) {
    assert_eq!(peer.read(&mut [0]).unwrap(), 0, "the peer sees the end");
}

fn read() -> Scene {
    let (peer, stream) = pair();
    let mut stream = TcpStream::from(stream);
    scene(move || drop(stream.read(&mut [0])), || assert_ends(peer))
}

fn write() -> Scene {
    let (mut peer, stream) = pair();
    let mut stream = TcpStream::from(stream);
    let check = move || {
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        assert!(received.len() < 64 << 20);
    };
    scene(move || drop(stream.write_all(&vec![0; 64 << 20])), check)
}

fn accept() -> Scene {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    scene(move || drop(listener.accept()), || {})
}

/// A listener whose queue is full, so that the kernel drops every further SYN, and what fills it.
fn deaf_listener() -> (std::net::TcpListener, SocketAddr, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    socket2::SockRef::from(&listener).listen(0).unwrap();
    let queued = std::net::TcpStream::connect(address).unwrap();
    (listener, address, queued)
}

fn connect() -> Scene {
    let (listener, address, queued) = deaf_listener();
    scene(move || drop(TcpStream::connect(address)), || drop((listener, queued)))
}

fn wait_readable() -> Scene {
    let (peer, stream) = std::os::unix::net::UnixStream::pair().unwrap();
    scene(move || greenstd::wait_readable(&stream, None).unwrap(), || assert_ends(peer))
}
