//! Everything at once: readers and writers that are killed, timed out and replaced at random, over
//! transports with short counts; every byte that was acknowledged arrives once, in order.

use crate::certificates::encrypt;
use crate::fixture::awkward;
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::net::DuplexStream;
use greenstd::net::tls::TlsStream;
use greenstd::sync::Mutex;
use greenstd::thread;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

const ROUNDS: u64 = 60;

type Stream = Arc<TlsStream<DuplexStream>>;

#[test]
fn nothing_is_lost_or_doubled_while_everybody_is_interrupted() {
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let (forth, back) = (random.fork(), random.fork());
        let seed = random.next();
        on_workers(workers, move || {
            let (client, server) = awkward(seed);
            let (client, server) = encrypt(client, server);
            let (client, server) = (Arc::new(client), Arc::new(server));
            for stream in [&client, &server] {
                stream.get_ref().set_write_timeout(Some(Duration::from_micros(700))).unwrap();
                stream.get_ref().set_read_timeout(Some(Duration::from_micros(900))).unwrap();
            }
            let one_way = |from: &Stream, to: &Stream, random: Random| {
                let (from, to) = (from.clone(), to.clone());
                thread::spawn(move || transmit(from, to, random))
            };
            let both = [one_way(&client, &server, forth), one_way(&server, &client, back)];
            for way in both {
                way.join().unwrap();
            }
        });
    }
}

/// Sends from one stream to the other by a row of writers, of which each is killed while the
/// receivers are killed as well.
fn transmit(from: Stream, to: Stream, mut random: Random) {
    let received = Arc::new(Mutex::new(Vec::new()));
    let mut receiver = receive(&to, &received);
    // For each call what it has taken; for one that was killed, what it may have taken.
    let mut sent: Vec<(u8, usize, bool)> = Vec::new();
    for round in 0..ROUNDS {
        let (byte, length) = ((round % 251) as u8 + 1, 1 + random.below(9000) as usize);
        let stream = from.clone();
        let writer = thread::spawn(move || {
            loop {
                match (&*stream).write(&vec![byte; length]) {
                    Ok(count) => return count,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
        });
        if random.below(3) == 0 {
            (0..random.below(5)).for_each(|_| thread::yield_now());
            writer.kill().unwrap();
        }
        match writer.join() {
            Ok(count) => sent.push((byte, count, true)),
            Err(_) => sent.push((byte, length, false)),
        }
        if random.below(4) == 0 {
            receiver.kill().unwrap();
            drop(receiver.join());
            receiver = receive(&to, &received);
        }
    }
    while let Err(error) = from.shutdown(Shutdown::Write) {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    receiver.join().unwrap();
    compare(&sent, &received.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
}

/// Reads to the end. What a read has returned is noted before the next wait.
fn receive(stream: &Stream, received: &Arc<Mutex<Vec<u8>>>) -> thread::JoinHandle<()> {
    let (stream, received) = (stream.clone(), received.clone());
    thread::spawn(move || {
        let mut buffer = vec![0; 5000];
        loop {
            match (&*stream).read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => thread::shield(|| {
                    let mut received =
                        received.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    received.extend_from_slice(&buffer[..count]);
                }),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    })
}

fn compare(sent: &[(u8, usize, bool)], received: &[u8]) {
    let mut at = 0;
    for &(byte, length, is_certain) in sent {
        let arrived = received[at..].iter().take_while(|&&other| other == byte).count();
        assert!(arrived == length || (!is_certain && arrived == 0), "{arrived} of {length}");
        at += arrived;
    }
    assert_eq!(at, received.len());
}
