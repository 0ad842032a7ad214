//! The end of a runtime unwinds whoever waits for the network: destructors run, descriptors are
//! closed, and the peer learns of it.

use crate::child;
use crate::fixture::{Guard, descriptors, was_killed};
use crate::flavour::Watchdog;
use crate::scenes::{
    Scene, assert_ends, connect, deaf_listener, read, scene, std_pair, wait_readable, write,
};
use crate::unfaulted::without_faults;
use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::Builder;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Makes a test of each scene, in a process of its own, whose descriptors it can count.
macro_rules! unwound {
    ($($law:ident: $scene:expr;)*) => {
        $(#[test] fn $law() { child::succeed(|| is_unwound($scene)); })*
    };
}

unwound! {
    shutdown_unwinds_a_read: read;
    shutdown_unwinds_a_write_into_full_buffers: write;
    shutdown_unwinds_an_accept: accept;
    shutdown_unwinds_a_back_off_for_want_of_descriptors: back_off;
    shutdown_unwinds_an_unanswered_connect: connect;
    shutdown_unwinds_a_wait_for_a_bare_descriptor: wait_readable;
    shutdown_unwinds_several_readers_of_one_stream: several_readers;
    shutdown_unwinds_a_reader_that_never_has_to_wait: read_without_waiting;
    shutdown_unwinds_a_writer_that_never_has_to_wait: write_without_waiting;
}

fn is_unwound(scene: fn() -> Scene) {
    let _watchdog = Watchdog::new();
    unwind(1, scene(), Duration::ZERO);
    let before = descriptors();
    for workers in [1, 2] {
        // To meet it on the way to its wait, and in it.
        for pause_ms in [0, 30] {
            unwind(workers, scene(), Duration::from_millis(pause_ms));
            assert_eq!(descriptors(), before, "descriptors with {workers} workers");
        }
    }
}

fn unwind(workers: usize, (wait, check): Scene, pause: Duration) {
    let runtime = Builder::new().workers(workers).build().unwrap();
    let drops = Arc::new(AtomicUsize::new(0));
    let (guard, (entered, has_entered)) = (Guard(drops.clone()), mpsc::channel());
    let waiter = runtime.spawn(move || {
        let _guard = guard;
        entered.send(()).unwrap();
        wait();
        unreachable!("the wait has no end");
    });
    has_entered.recv().unwrap();
    thread::sleep(pause);
    let start = Instant::now();
    runtime.shutdown();
    assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    assert!(was_killed(waiter));
    check();
}

fn accept() -> Scene {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let check = move || {
        let error = std::net::TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    };
    scene(move || drop(listener.accept()), check)
}

fn back_off() -> Scene {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let limit = NoDescriptors::new();
    let wait = move || {
        limit.impose();
        // Most of the time it waits, each time twice as long.
        for outcome in listener.incoming() {
            assert_eq!(outcome.unwrap_err().raw_os_error(), Some(libc::EMFILE));
        }
    };
    // The connection that nobody accepted is reset with its listener.
    let check = move || assert!((&client).read(&mut [0]).is_err_and(is_reset));
    scene(wait, check)
}

fn is_reset(error: std::io::Error) -> bool {
    error.kind() == ErrorKind::ConnectionReset
}

/// Keeps this process from opening descriptors, until it is dropped.
struct NoDescriptors {
    before: libc::rlimit,
}

impl NoDescriptors {
    #[allow(unsafe_code, reason = "limits are set by the C library alone")]
    fn new() -> NoDescriptors {
        let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: room for a limit.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut before) }, 0);
        NoDescriptors { before }
    }

    fn impose(&self) {
        self.set(0);
    }

    #[allow(unsafe_code, reason = "limits are set by the C library alone")]
    fn set(&self, soft: libc::rlim_t) {
        let limit = libc::rlimit { rlim_cur: soft, ..self.before };
        // SAFETY: a limit of this process, which runs this one test.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    }
}

impl Drop for NoDescriptors {
    fn drop(&mut self) {
        self.set(self.before.rlim_cur);
    }
}

fn several_readers() -> Scene {
    let (peer, stream) = std_pair();
    let stream = Arc::new(TcpStream::from(stream));
    let wait = move || {
        for _ in 0..5 {
            let stream = stream.clone();
            greenstd::thread::spawn(move || (&*stream).read(&mut [0]));
        }
        let _ = (&*stream).read(&mut [0]);
    };
    scene(wait, || assert_ends(peer))
}

fn read_without_waiting() -> Scene {
    let (mut peer, stream) = std_pair();
    let mut stream = TcpStream::from(stream);
    let writer = thread::spawn(move || while peer.write_all(&[0; 65536]).is_ok() {});
    let wait = move || loop {
        // A byte at a time: there is always one more.
        assert_eq!(stream.read(&mut [0]).unwrap(), 1);
    };
    scene(wait, || writer.join().unwrap())
}

fn write_without_waiting() -> Scene {
    let (mut peer, stream) = std_pair();
    let mut stream = TcpStream::from(stream);
    let reader = thread::spawn(move || while peer.read(&mut [0; 1 << 20]).is_ok_and(|n| n > 0) {});
    let wait = move || loop {
        stream.write_all(&[0]).unwrap();
    };
    scene(wait, || reader.join().unwrap())
}

/// What a destructor may try, with what it must say to a killed green thread.
struct TalksWhenDropped {
    stream: TcpStream,
    listener: TcpListener,
    deaf: SocketAddr,
}

impl Drop for TalksWhenDropped {
    fn drop(&mut self) {
        let was_killed = |error: std::io::Error| {
            error.get_ref().is_some_and(|error| error.is::<greenstd::thread::Killed>())
        };
        assert!(was_killed(self.stream.read(&mut [0]).unwrap_err()));
        assert!(was_killed(self.stream.peek(&mut [0]).unwrap_err()));
        assert!(was_killed(self.listener.accept().unwrap_err()));
        assert!(was_killed(self.listener.incoming().next().unwrap().unwrap_err()));
        assert!(was_killed(TcpStream::connect(self.deaf).unwrap_err()));
        assert!(was_killed(greenstd::wait_readable(&self.stream, None).unwrap_err()));
        // What need not wait works: a word of farewell reaches the peer.
        self.stream.write_all(b"farewell").unwrap();
        let error = self.stream.write_all(&vec![0; 64 << 20]).unwrap_err();
        assert!(was_killed(error));
    }
}

#[test]
fn destructor_of_a_killed_green_thread_gets_errors_instead_of_waits() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        let (mut peer, stream) = std_pair();
        let (_listener, deaf, _queued) = deaf_listener();
        let talks = TalksWhenDropped {
            stream: TcpStream::from(stream),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            deaf,
        };
        let (entered, has_entered) = mpsc::channel();
        // That a call need not wait, a fault would change.
        let waiter = without_faults(|| {
            runtime.spawn(move || {
                let mut talks = talks;
                entered.send(()).unwrap();
                let _ = talks.stream.read(&mut [0]);
            })
        });
        has_entered.recv().unwrap();
        thread::sleep(Duration::from_millis(10));
        runtime.shutdown();
        assert!(was_killed(waiter));
        let mut word = [0; 8];
        peer.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"farewell");
    }
}

/// Sends a word and waits for the answer when it is dropped.
struct AsksWhenDropped(TcpStream, mpsc::Sender<u8>);

impl Drop for AsksWhenDropped {
    fn drop(&mut self) {
        assert!(thread::panicking());
        self.0.write_all(&[1]).unwrap();
        let mut answer = [0];
        self.0.read_exact(&mut answer).unwrap();
        self.1.send(answer[0]).unwrap();
    }
}

/// Answers each byte with its successor, a while later.
fn answer_slowly(mut peer: std::net::TcpStream) {
    let mut byte = [0];
    while peer.read(&mut byte).is_ok_and(|count| count == 1) {
        thread::sleep(Duration::from_millis(2));
        if peer.write_all(&[byte[0].wrapping_add(1)]).is_err() {
            return;
        }
    }
}

#[test]
fn destructor_waits_for_the_network_during_a_panic_and_harms_no_neighbour() {
    for workers in [1, 2] {
        let (neighbours_end, (peer, stream)) = (std_pair(), std_pair());
        let answering = [peer, neighbours_end.0].map(|peer| thread::spawn(|| answer_slowly(peer)));
        let (answers, answered) = mpsc::channel();
        crate::flavour::on_workers(workers, move || {
            let mut other = TcpStream::from(neighbours_end.1);
            let neighbour = greenstd::thread::spawn(move || {
                for round in 0..50 {
                    other.write_all(&[round]).unwrap();
                    let mut answer = [0];
                    other.read_exact(&mut answer).unwrap();
                    assert_eq!(answer[0], round + 1);
                    assert!(!thread::panicking());
                }
            });
            for _ in 0..10 {
                let asks = AsksWhenDropped(stream.try_clone().unwrap().into(), answers.clone());
                let unwinder = greenstd::thread::spawn(move || {
                    let _asks = asks;
                    std::panic::resume_unwind(Box::new("on purpose"));
                });
                let payload = unwinder.join().unwrap_err();
                assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
            }
            neighbour.join().unwrap();
        });
        assert_eq!(answered.iter().collect::<Vec<_>>(), [2; 10]);
        answering.into_iter().for_each(|peer| peer.join().unwrap());
    }
}
