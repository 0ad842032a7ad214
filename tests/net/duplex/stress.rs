//! Everything at once, by seed: links that are late, slow, small and cut counts short move every
//! byte all the same, between threads of both kinds.

use crate::flavour::{Watchdog, on_workers};
use crate::random::Random;
use greenstd::net::duplex::{Builder, Link};
use greenstd::net::{DuplexStream, Shutdown};
use greenstd::time::timeout;
use std::io::{Read, Write};
use std::time::Duration;

fn random_link(random: &mut Random) -> Link {
    let mut link = Link::new(1 + random.below(3000) as usize);
    if random.below(2) == 0 {
        link = link.short_counts(random.next());
    }
    if random.below(3) == 0 {
        link = link.latency(Duration::from_micros(random.below(300)));
    }
    if random.below(4) == 0 {
        link = link.bandwidth(5_000_000 + random.below(5_000_000));
    }
    link
}

/// Sends bytes that the receiver knows, with scopes that end some of the waits.
fn send(mut stream: DuplexStream, mut random: Random, bytes: usize) {
    let mut sent = 0;
    while sent < bytes {
        let size = (1 + random.below(2000) as usize).min(bytes - sent);
        let piece: Vec<u8> = (sent..sent + size).map(|at| (at % 251) as u8).collect();
        if random.below(4) == 0 {
            let mut count = 0;
            let _ = timeout(Duration::from_micros(random.below(200)), || {
                count = stream.write(&piece).unwrap();
            });
            sent += count;
        } else {
            stream.write_all(&piece).unwrap();
            sent += size;
        }
        if random.below(50) == 0 {
            stream.stall();
            stream.resume();
        }
    }
    stream.shutdown(Shutdown::Write).unwrap();
}

fn receive(mut stream: DuplexStream, mut random: Random) -> usize {
    let mut received = 0;
    loop {
        let mut buffer = vec![0; 1 + random.below(3000) as usize];
        let mut count = None;
        let read = |count: &mut Option<usize>| *count = Some(stream.read(&mut buffer).unwrap());
        if random.below(4) == 0 {
            let mut read = read;
            let _ = timeout(Duration::from_micros(random.below(200)), || read(&mut count));
        } else {
            let mut read = read;
            read(&mut count);
        }
        let Some(count) = count else { continue };
        if count == 0 {
            return received;
        }
        for byte in &buffer[..count] {
            assert_eq!(usize::from(*byte), received % 251, "at {received}");
            received += 1;
        }
    }
}

#[test]
fn every_byte_passes_in_order_between_green_threads() {
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let mut random = random.fork();
        on_workers(workers, move || {
            for _ in 0..15 {
                let builder =
                    Builder::new().forth(random_link(&mut random)).back(random_link(&mut random));
                let (one, other) = builder.build();
                let threads = [one, other].map(|stream| {
                    let reading = stream.try_clone().unwrap();
                    let (writes, reads) = (random.fork(), random.fork());
                    let writer = greenstd::thread::spawn(move || send(stream, writes, 30_000));
                    let reader = greenstd::thread::spawn(move || receive(reading, reads));
                    (writer, reader)
                });
                for (writer, reader) in threads {
                    writer.join().unwrap();
                    assert_eq!(reader.join().unwrap(), 30_000);
                }
            }
        });
    }
}

#[test]
fn every_byte_passes_in_order_between_green_threads_and_os_threads() {
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    for _ in 0..10 {
        let (one, other) = Builder::new().both(random_link(&mut random)).build();
        let (writes, reads) = (random.fork(), random.fork());
        let reader = std::thread::spawn(move || receive(other, reads));
        on_workers(2, move || send(one, writes, 30_000));
        assert_eq!(reader.join().unwrap(), 30_000);
    }
}

/// A reader that never has to wait gives its neighbours their turn.
#[test]
fn a_busy_stream_does_not_starve_the_neighbours() {
    on_workers(1, || {
        let (mut one, mut other) = greenstd::net::duplex(16);
        let neighbour = greenstd::thread::spawn(|| ());
        let start = std::time::Instant::now();
        while !neighbour.is_finished() {
            one.write_all(&[0]).unwrap();
            other.read_exact(&mut [0]).unwrap();
            assert!(start.elapsed() < Duration::from_secs(10), "the neighbour never runs");
        }
    });
}
