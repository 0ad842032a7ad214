//! Many sockets at once, and sockets that are moved between threads of all kinds.

use crate::child;
use crate::descriptors::descriptors;
use crate::flavour::{Watchdog, on_workers};
use crate::random::Random;
use greenstd::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use greenstd::runtime::Builder;
use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

#[test]
fn a_thousand_pairs_talk_at_once_and_leave_nothing_open() {
    child::succeed(|| {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let limit = rustix::process::Rlimit { current: limit.maximum, ..limit };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
        let mut before = None;
        for workers in [1, 1, 2] {
            on_workers(workers, || {
                let threads: Vec<_> = (0..1000_u32)
                    .flat_map(|number| {
                        let (one, other) = UnixStream::pair().unwrap();
                        [(one, number), (other, number)]
                    })
                    .map(|(mut stream, number)| {
                        greenstd::thread::spawn(move || {
                            let mut answer = [0; 4];
                            for round in 0..10 {
                                stream.write_all(&(number + round).to_ne_bytes()).unwrap();
                                stream.read_exact(&mut answer).unwrap();
                                assert_eq!(u32::from_ne_bytes(answer), number + round);
                            }
                        })
                    })
                    .collect();
                threads.into_iter().for_each(|thread| thread.join().unwrap());
            });
            let now = descriptors();
            assert_eq!(*before.get_or_insert(now), now);
        }
    });
}

#[test]
fn connections_that_come_and_go_leave_nothing_open() {
    child::succeed(|| {
        let mut before = None;
        for _ in 0..2 {
            on_workers(2, || {
                let listener = UnixListener::bind("").unwrap();
                let address = listener.local_addr().unwrap();
                let server = greenstd::thread::spawn(move || {
                    for stream in listener.incoming() {
                        let mut stream = stream.unwrap();
                        greenstd::thread::spawn(move || {
                            let mut buffer = [0; 64];
                            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                                if stream.write_all(&buffer[..count]).is_err() {
                                    return;
                                }
                            }
                        });
                    }
                });
                for round in 0..500_u32 {
                    let mut client = UnixStream::connect_addr(&address).unwrap();
                    let mut answer = [0; 4];
                    client.write_all(&round.to_ne_bytes()).unwrap();
                    if !round.is_multiple_of(3) {
                        client.read_exact(&mut answer).unwrap();
                        assert_eq!(answer, round.to_ne_bytes());
                    }
                }
                server.kill().unwrap();
            });
            let now = descriptors();
            assert_eq!(*before.get_or_insert(now), now);
        }
    });
}

#[test]
fn stream_outlives_the_runtimes_it_was_used_in() {
    let _watchdog = Watchdog::new();
    let (mut peer, stream) = std::os::unix::net::UnixStream::pair().unwrap();
    let echo = thread::spawn(move || {
        let mut byte = [0];
        while peer.read(&mut byte).unwrap() == 1 {
            peer.write_all(&byte).unwrap();
        }
    });
    let ask = |mut stream: UnixStream, byte: u8| {
        stream.write_all(&[byte]).unwrap();
        let mut answer = [0];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [byte]);
        stream
    };
    let mut stream = UnixStream::from(stream);
    for round in 0..20 {
        let runtime = Builder::new().workers(1 + usize::from(round) % 2).build().unwrap();
        stream = runtime.run(move || (0..12).fold(stream, ask));
        stream = thread::spawn(move || ask(stream, round)).join().unwrap();
    }
    drop(stream);
    echo.join().unwrap();
}

#[test]
fn readers_of_all_kinds_share_a_stream_and_each_byte_reaches_one() {
    const BYTES: usize = 100_000;
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let (mut peer, stream) = std::os::unix::net::UnixStream::pair().unwrap();
        let stream = Arc::new(UnixStream::from(stream));
        let runtime = Builder::new().workers(workers).build().unwrap();
        let read_all = |buffer_bytes: usize| {
            let stream = stream.clone();
            move || {
                let (mut sum, mut count, mut buffer) = (0_u64, 0, vec![0; buffer_bytes]);
                loop {
                    match (&*stream).read(&mut buffer).unwrap() {
                        0 => return (count, sum),
                        read => {
                            count += read;
                            sum += buffer[..read].iter().map(|&byte| u64::from(byte)).sum::<u64>();
                        }
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
        let read = read.fold((0, 0), |(count, sum), (more, add)| (count + more, sum + add));
        assert_eq!(read, (BYTES, sent.iter().map(|&byte| u64::from(byte)).sum()));
    }
}

/// Queues of ten, senders by address and connected ones, receivers that are slow by turns.
#[test]
fn datagrams_of_many_senders_are_neither_lost_nor_repeated() {
    const EACH: u32 = 400;
    for workers in [1, 2] {
        let mut random = Random::from_environment();
        on_workers(workers, move || {
            let receiver = UnixDatagram::bind("").unwrap();
            let address = receiver.local_addr().unwrap();
            receiver.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let senders: Vec<_> = (0..8)
                .map(|index| {
                    let (address, mut random) = (address.clone(), random.fork());
                    greenstd::thread::spawn(move || {
                        let sender = UnixDatagram::unbound().unwrap();
                        if index % 2 == 0 {
                            sender.connect_addr(&address).unwrap();
                        }
                        for number in 0..EACH {
                            let datagram = (index << 16 | number).to_ne_bytes();
                            match index % 2 {
                                0 => sender.send(&datagram).unwrap(),
                                _ => sender.send_to_addr(&datagram, &address).unwrap(),
                            };
                            if random.below(16) == 0 {
                                let pause = Duration::from_micros(random.below(300));
                                greenstd::thread::sleep(pause);
                            }
                        }
                    })
                })
                .collect();
            let mut next = [0; 8];
            for _ in 0..8 * EACH {
                let mut number = [0; 4];
                assert_eq!(receiver.recv(&mut number).unwrap(), 4);
                let number = u32::from_ne_bytes(number);
                let expected = &mut next[(number >> 16) as usize];
                assert_eq!(number & 0xffff, *expected);
                *expected += 1;
                if random.below(50) == 0 {
                    greenstd::thread::sleep(Duration::from_micros(random.below(2000)));
                }
            }
            senders.into_iter().for_each(|sender| sender.join().unwrap());
        });
    }
}
