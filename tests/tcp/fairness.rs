//! A chatty peer, one that always has something to say and never lets its reader wait, starves
//! neither timers nor other connections of the same worker.

use crate::flavour::on_workers;
use crate::scenes::std_pair;
use greenstd::net::TcpStream;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a look takes; longer where the machine is so busy that there were too few ticks.
const LASTS: Duration = Duration::from_secs(1);

/// A tenth of what an idle machine does. Who is starved for good never gets there.
const TICKS_AT_LEAST: usize = 10;

/// What happened on the one worker beside the reader of a chatty peer.
#[derive(Debug)]
struct Seen {
    ticks: u32,
    promptest_tick: Duration,
    latest_tick: Duration,
    answers: u32,
    reads: u64,
}

/// Reads from a chatty peer with a buffer of so many bytes, and looks at what else goes on.
fn beside_a_chatty_peer(buffer_bytes: usize) -> Seen {
    let ((mut chatty, listens), (mut asks, answers)) = (std_pair(), std_pair());
    let is_over = Arc::new(AtomicBool::new(false));
    let chatterer = thread::spawn(move || while chatty.write_all(&[7; 1 << 18]).is_ok() {});
    let asker = thread::spawn({
        let is_over = is_over.clone();
        move || {
            let mut rounds = 0;
            while !is_over.load(Ordering::SeqCst) {
                asks.write_all(&[1]).unwrap();
                asks.read_exact(&mut [0]).unwrap();
                rounds += 1;
            }
            rounds
        }
    });
    let (lateness, reads) = on_workers(1, move || {
        let reads = Arc::new(AtomicU64::new(0));
        let (mut listens, mut answers) = (TcpStream::from(listens), TcpStream::from(answers));
        let counter = reads.clone();
        greenstd::thread::spawn(move || {
            let mut buffer = vec![0; buffer_bytes];
            while listens.read(&mut buffer).unwrap() > 0 {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let server = greenstd::thread::spawn(move || {
            while answers.read(&mut [0]).unwrap() > 0 {
                answers.write_all(&[2]).unwrap();
            }
        });
        let (start, tick) = (Instant::now(), Duration::from_millis(10));
        let mut lateness = Vec::new();
        while start.elapsed() < LASTS || lateness.len() < TICKS_AT_LEAST {
            let before = Instant::now();
            greenstd::thread::sleep(tick);
            lateness.push(before.elapsed() - tick);
        }
        is_over.store(true, Ordering::SeqCst);
        server.join().unwrap();
        (lateness, reads.load(Ordering::Relaxed))
    });
    // The reader was killed by the end of its runtime.
    chatterer.join().unwrap();
    Seen {
        ticks: lateness.len() as u32,
        promptest_tick: lateness.iter().copied().min().unwrap(),
        latest_tick: lateness.iter().copied().max().unwrap(),
        answers: asker.join().unwrap(),
        reads,
    }
}

/// C81
#[test]
fn chatty_peer_delays_neither_a_ticker_nor_another_connection() {
    for buffer_bytes in [1, 4 << 10, 256 << 10, 4 << 20] {
        let seen = beside_a_chatty_peer(buffer_bytes);
        println!("{buffer_bytes} bytes at a time: {seen:?}");
        // How late the others are is for the machine to say, which may be busy.
        assert!(seen.promptest_tick < Duration::from_millis(20), "{seen:?}");
        assert!(seen.latest_tick < 20 * LASTS, "{seen:?}");
        assert!(seen.answers >= seen.ticks, "{seen:?}");
        assert!(seen.reads > u64::from(seen.ticks), "the peer was not chatty: {seen:?}");
    }
}

#[test]
fn byte_that_came_in_time_is_read_though_its_worker_was_late() {
    let (mut peer, stream) = std_pair();
    let writer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        peer.write_all(&[1]).unwrap();
        peer
    });
    on_workers(1, move || {
        let mut stream = TcpStream::from(stream);
        stream.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
        let reader = greenstd::thread::spawn(move || stream.read(&mut [0]));
        greenstd::thread::yield_now();
        // Holds the worker until well after both, the byte and the timeout.
        thread::sleep(Duration::from_millis(300));
        assert_eq!(reader.join().unwrap().unwrap(), 1);
    });
    drop(writer.join().unwrap());
}

#[test]
fn nonblocking_call_that_is_tried_without_end_lets_its_peer_run() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let listener = greenstd::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            listener.set_nonblocking(true).unwrap();
            let peer = greenstd::thread::spawn(move || {
                let mut peer = TcpStream::connect(address).unwrap();
                greenstd::thread::sleep(Duration::from_millis(5));
                peer.write_all(&[1]).unwrap();
                peer
            });
            let (mut stream, _) = without_end(|| listener.accept());
            stream.set_nonblocking(true).unwrap();
            assert_eq!(without_end(|| stream.read(&mut [0])), 1);
            drop(peer.join().unwrap());
        });
    }
}

/// Tries until there is something.
fn without_end<T>(mut call: impl FnMut() -> std::io::Result<T>) -> T {
    loop {
        match call() {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            outcome => return outcome.unwrap(),
        }
    }
}
