//! A kill ends every kind of wait: destructors run, and what was waited for is unharmed.

use crate::fixture::{Count, Guard, LONG, was_killed};
use crate::flavour::Watchdog;
use crate::scenes::{Scene, assert_ends, connect, read, scene, std_pair, wait_readable, write};
use crate::unix_scenes;
use greenstd::io;
use greenstd::net::server::DatagramServer;
use greenstd::net::{TcpListener, TcpStream, UdpSocket};
use greenstd::runtime::Builder;
use greenstd::signal::{self, SIGURG, SIGUSR1, SIGWINCH, Signals};
use greenstd::sync::Semaphore;
use greenstd::{select, thread};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

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
    a_receive_of_a_datagram: receive;
    a_send_of_a_datagram: send;
    a_server_of_datagrams: serve_forever;
    a_wait_for_a_descriptor: wait_readable;
    a_read_of_a_unix_stream: unix_scenes::read;
    a_write_of_a_unix_stream: unix_scenes::write;
    a_hand_over_of_descriptors: unix_scenes::send_fds;
    a_receipt_of_descriptors: unix_scenes::recv_fds;
    an_accept_of_a_unix_listener: unix_scenes::accept;
    a_connect_to_a_unix_listener: unix_scenes::connect;
    a_receive_of_a_unix_datagram: unix_scenes::recv;
    a_receive_of_a_unix_datagram_with_its_sender: unix_scenes::recv_from;
    a_send_of_a_unix_datagram: unix_scenes::send;
    a_send_of_a_unix_datagram_by_address: unix_scenes::send_to;
    a_wait_for_a_signal: || signals(SIGURG, |signals| ignore(signals.wait()));
    a_select_with_signals: || signals(SIGWINCH, |signals| ignore(select::wait_any([signals])));
    a_wait_for_one_signal: || scene(|| signal::wait(SIGUSR1).unwrap(), || {});
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

/// The signal that nobody was given is there for the next who asks.
fn signals(signal: i32, wait: fn(&Signals)) -> Scene {
    let signals = Arc::new(Signals::new([signal]).unwrap());
    let other = signals.clone();
    let check = move || {
        let name = signal::name(signal).unwrap().trim_start_matches("SIG");
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} $PPID")]).status();
        assert!(sent.unwrap().success());
        assert_eq!(signals.wait_timeout(Duration::from_secs(10)), Some(signal));
    };
    scene(move || wait(&other), check)
}

/// Drops what may be too plain for `drop`.
fn ignore<T>(_: T) {}

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

fn receive() -> Scene {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // It is closed: the port is free.
    scene(move || drop(socket.recv_from(&mut [0])), move || drop(UdpSocket::bind(address).unwrap()))
}

fn serve_forever() -> Scene {
    let server = DatagramServer::builder().start("127.0.0.1:0", |_| Ok(())).unwrap();
    let address = server.local_addr();
    let free_again = move || {
        // Its receiver belongs to the global runtime, and ends a moment later.
        let deadline = Instant::now() + Duration::from_secs(10);
        while UdpSocket::bind(address).is_err() {
            assert!(Instant::now() < deadline, "it receives no more");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    scene(move || server.serve_forever().unwrap(), free_again)
}

/// Over loopback UDP never waits for room, so this takes another kind of datagram.
fn send() -> Scene {
    let (one, other) = UnixDatagram::pair().unwrap();
    let socket = UdpSocket::from(OwnedFd::from(one));
    let wait = move || while socket.send(&[0; 1024]).is_ok() {};
    let check = move || {
        other.set_nonblocking(true).unwrap();
        while other.recv(&mut [0; 2048]).is_ok_and(|count| count == 1024) {}
        assert!(other.send(&[0]).is_err(), "it is closed");
    };
    scene(wait, check)
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
