//! Sockets that are moved and shared: between runtimes, between workers, between green threads and
//! OS threads. Wherever a socket is waited for, its readiness gets there.

use crate::flavour::{Watchdog, on_workers};
use crate::random::Random;
use crate::scenes::std_pair;
use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::Builder;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Round trips of each of the two races below.
const ROUNDS: u32 = 50_000;

/// Sends each byte back, until the end.
fn echo(mut peer: std::net::TcpStream) {
    let mut byte = [0];
    while peer.read(&mut byte).unwrap() == 1 {
        peer.write_all(&byte).unwrap();
    }
}

/// Sends a byte that is answered only while the caller waits, and returns the stream.
fn ask(mut stream: TcpStream, byte: u8) -> TcpStream {
    stream.write_all(&[byte]).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [byte]);
    stream
}

#[test]
fn stream_outlives_the_runtimes_it_was_used_in() {
    let _watchdog = Watchdog::new();
    let (peer, stream) = std_pair();
    let echo = thread::spawn(|| echo(peer));
    let mut stream = TcpStream::from(stream);
    for round in 0..20 {
        // Several times, because a registration does not follow the first wait elsewhere.
        for _ in 0..3 {
            let runtime = Builder::new().workers(1 + usize::from(round) % 2).build().unwrap();
            stream = runtime.run(move || (0..12).fold(stream, ask));
            if round % 3 == 0 {
                // Two live runtimes take turns.
                let other = Builder::new().workers(1).build().unwrap();
                stream = other.run(move || (0..12).fold(stream, ask));
                stream = runtime.run(move || (0..12).fold(stream, ask));
            }
        }
        stream = thread::spawn(move || ask(stream, round)).join().unwrap();
    }
    drop(stream);
    echo.join().unwrap();
}

#[test]
fn stream_waited_for_in_two_runtimes_survives_the_end_of_either() {
    let _watchdog = Watchdog::new();
    for _ in 0..50 {
        let (mut peer, stream) = std_pair();
        let stream = Arc::new(TcpStream::from(stream));
        let runtimes = [1, 2].map(|workers| Builder::new().workers(workers).build().unwrap());
        let readers = runtimes.each_ref().map(|runtime| {
            let stream = stream.clone();
            runtime.spawn(move || (&*stream).read(&mut [0]).unwrap())
        });
        thread::sleep(Duration::from_micros(500));
        // With the first one goes the reactor where the stream is registered, as a rule.
        let ([first, second], [killed, reader]) = (runtimes, readers);
        first.shutdown();
        assert!(crate::fixture::was_killed(killed));
        peer.write_all(&[1]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
        second.shutdown();
    }
}

#[test]
fn readers_of_all_kinds_share_a_stream_and_each_byte_reaches_one() {
    const BYTES: usize = 200_000;
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let (mut peer, stream) = std_pair();
        let stream = Arc::new(TcpStream::from(stream));
        let runtime = Builder::new().workers(workers).build().unwrap();
        let read_all = |buffer_bytes: usize| {
            let stream = stream.clone();
            move || {
                let (mut histogram, mut buffer) = ([0_usize; 256], vec![0; buffer_bytes]);
                loop {
                    let count = (&*stream).read(&mut buffer).unwrap();
                    buffer[..count].iter().for_each(|&byte| histogram[usize::from(byte)] += 1);
                    if count == 0 {
                        return histogram;
                    }
                }
            }
        };
        let green: Vec<_> = (1..=6).map(|bytes| runtime.spawn(read_all(bytes))).collect();
        let os: Vec<_> = (1..=2).map(|bytes| thread::spawn(read_all(bytes))).collect();
        let sent: Vec<u8> = (0..BYTES).map(|_| random.below(256) as u8).collect();
        let mut left = &sent[..];
        while !left.is_empty() {
            let (chunk, rest) = left.split_at(left.len().min(1 + random.below(600) as usize));
            peer.write_all(chunk).unwrap();
            left = rest;
            if random.below(4) == 0 {
                // Long enough for all to wait again.
                thread::sleep(Duration::from_micros(random.below(200)));
            }
        }
        drop(peer);
        let read = green.into_iter().map(|reader| reader.join().unwrap());
        let read = read.chain(os.into_iter().map(|reader| reader.join().unwrap()));
        let read = read.fold([0; 256], |mut sum, histogram| {
            sum.iter_mut().zip(histogram).for_each(|(sum, count)| *sum += count);
            sum
        });
        let mut expected = [0; 256];
        sent.iter().for_each(|&byte| expected[usize::from(byte)] += 1);
        assert_eq!(read, expected);
    }
}

/// Runs two green threads, on workers of their own if there are two.
fn two_on_workers(workers: usize, body: impl Fn(usize) + Clone + Send + 'static) {
    on_workers(workers, move || {
        let started = Arc::new(AtomicUsize::new(0));
        let spawn = |index| {
            let (started, body) = (started.clone(), body.clone());
            greenstd::thread::spawn(move || {
                started.fetch_add(1, Ordering::SeqCst);
                // Holds its worker until the other one has another.
                while workers > 1 && started.load(Ordering::SeqCst) < 2 {
                    std::hint::spin_loop();
                }
                body(index);
                thread::current().id()
            })
        };
        let [one, other] = [0, 1].map(spawn).map(|green| green.join().unwrap());
        assert_eq!(one != other, workers > 1, "they ran on workers of their own");
    });
}

#[test]
fn reader_that_alternates_between_two_workers_misses_no_byte() {
    for workers in [1, 2] {
        let (peer, stream) = std_pair();
        let echo = thread::spawn(|| echo(peer));
        let stream = Arc::new(TcpStream::from(stream));
        // How many rounds are left, whose turn it is, and who waits for its turn.
        let left = Arc::new(AtomicUsize::new(ROUNDS as usize));
        let turn = Arc::new(AtomicUsize::new(0));
        let players = Arc::new(Mutex::new(Vec::new()));
        let random = Arc::new(Mutex::new(Random::from_environment()));
        two_on_workers(workers, move |index| {
            players.lock().unwrap().push(greenstd::thread::current());
            while left.load(Ordering::SeqCst) > 0 {
                if turn.load(Ordering::SeqCst) != index {
                    greenstd::thread::park();
                    continue;
                }
                // Often more waits in a row than a registration takes to follow, often fewer.
                let rounds = 1 + random.lock().unwrap().below(20) as usize;
                let rounds = rounds.min(left.load(Ordering::SeqCst));
                for round in 0..rounds {
                    let mut answer = [0];
                    (&*stream).write_all(&[round as u8]).unwrap();
                    (&*stream).read_exact(&mut answer).unwrap();
                    assert_eq!(answer, [round as u8]);
                }
                left.fetch_sub(rounds, Ordering::SeqCst);
                turn.store(1 - index, Ordering::SeqCst);
                let players = players.lock().unwrap().clone();
                players.iter().for_each(greenstd::thread::Thread::unpark);
            }
        });
        echo.join().unwrap();
    }
}

#[test]
fn two_readers_that_race_for_each_byte_on_two_workers_miss_none() {
    for workers in [1, 2] {
        let (mut peer, stream) = std_pair();
        let stream = Arc::new(TcpStream::from(stream));
        let asker = thread::spawn(move || {
            for round in 0..ROUNDS {
                let mut answer = [0];
                peer.write_all(&[round as u8]).unwrap();
                peer.read_exact(&mut answer).unwrap();
                assert_eq!(answer, [round as u8]);
            }
        });
        two_on_workers(workers, move |_| {
            let mut byte = [0];
            while (&*stream).read(&mut byte).unwrap() == 1 {
                (&*stream).write_all(&byte).unwrap();
            }
        });
        asker.join().unwrap();
    }
}

#[test]
fn accept_loops_on_clones_of_one_listener_get_every_connection_once() {
    const CONNECTIONS: usize = 600;
    for workers in [1, 2] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(Mutex::new(BTreeSet::new()));
        let connector = thread::spawn({
            let accepted = accepted.clone();
            move || {
                let mut clients = Vec::new();
                while clients.len() < CONNECTIONS {
                    // Within the queue of the listener, which must be empty for the next wave.
                    clients.extend((0..50).map(|_| std::net::TcpStream::connect(address).unwrap()));
                    while accepted.lock().unwrap().len() < clients.len() {
                        thread::sleep(Duration::from_micros(200));
                    }
                }
                let addresses = clients.iter().map(|client| client.local_addr().unwrap());
                addresses.collect::<BTreeSet<_>>()
            }
        });
        let counts = on_workers(workers, {
            let accepted = accepted.clone();
            move || {
                let counts: Vec<_> = (0..4)
                    .map(|_| {
                        let (listener, accepted) =
                            (listener.try_clone().unwrap(), accepted.clone());
                        let count = Arc::new(AtomicUsize::new(0));
                        let counter = count.clone();
                        greenstd::thread::spawn(move || {
                            for stream in listener.incoming() {
                                let peer = stream.unwrap().peer_addr().unwrap();
                                assert!(accepted.lock().unwrap().insert(peer), "accepted twice");
                                counter.fetch_add(1, Ordering::SeqCst);
                            }
                        });
                        count
                    })
                    .collect();
                while accepted.lock().unwrap().len() < CONNECTIONS {
                    greenstd::thread::sleep(Duration::from_millis(1));
                }
                counts.iter().map(|count| count.load(Ordering::SeqCst)).collect::<Vec<_>>()
            }
        });
        let connected = connector.join().unwrap();
        assert_eq!(*accepted.lock().unwrap(), connected);
        println!("{workers} workers: {counts:?} by each loop");
    }
}
