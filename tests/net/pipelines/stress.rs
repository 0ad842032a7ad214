//! Many copies at once, of every kind, with peers that end them in every way.

use super::fixture::{Scene, WAYS, bytes, copy_with, outside, reset};
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::io::{CopyBidirectional, Read, Write};
use greenstd::net::Shutdown;
use std::sync::Arc;

const PAIRS: usize = 60;
const BYTES_AT_MOST: u64 = 600_000;

/// Sends in random pieces and then the end, on one thread, while another one receives all.
fn converse(stream: &std::net::TcpStream, sent: &[u8], random: &mut Random) -> Vec<u8> {
    let mut pieces = random.fork();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (mut stream, mut rest) = (stream, sent);
            while !rest.is_empty() {
                let count = rest.len().min(1 + pieces.below(100_000) as usize);
                stream.write_all(&rest[..count]).unwrap();
                rest = &rest[count..];
                if pieces.below(8) == 0 {
                    std::thread::sleep(std::time::Duration::from_micros(pieces.below(500)));
                }
            }
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let mut received = Vec::new();
        let mut stream = stream;
        stream.read_to_end(&mut received).unwrap();
        received
    })
}

#[test]
fn many_copies_of_every_kind_at_once_lose_no_byte() {
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let mut random = random.fork();
        on_workers(workers, move || {
            let counters = Arc::new(greenstd::io::CopyCounters::new());
            let pairs: Vec<_> = (0..PAIRS)
                .map(|_| {
                    let Scene { client, a, b, server } = Scene::new();
                    let way = WAYS[random.below(3) as usize];
                    let settings = CopyBidirectional::new().count_into(counters.clone());
                    let copier = greenstd::thread::spawn(move || copy_with(way, settings, &a, &b));
                    (client, server, copier, random.fork())
                })
                .collect();
            let (mut up, mut down) = (0, 0);
            let finished = outside(|| {
                let threads = pairs.into_iter().map(|(client, server, copier, mut random)| {
                    std::thread::spawn(move || {
                        let lengths = [random.below(BYTES_AT_MOST), random.below(BYTES_AT_MOST)];
                        let [request, answer] =
                            lengths.map(|length| bytes(random.next(), length as usize));
                        let is_cut = random.below(5) == 0;
                        if is_cut {
                            // Leaves in the middle: the copy must end, the other peer hear of it.
                            let _ = (&client).write_all(&request);
                            reset(client);
                            let mut received = Vec::new();
                            let _ = (&server).read_to_end(&mut received);
                            assert!(request.starts_with(&received));
                            drop(server);
                            let _ = copier.join().unwrap();
                            return None;
                        }
                        let (mut first, mut second) = (random.fork(), random.fork());
                        let (received, answered) = std::thread::scope(|scope| {
                            let serving = scope.spawn(|| converse(&server, &answer, &mut first));
                            let answered = converse(&client, &request, &mut second);
                            (serving.join().unwrap(), answered)
                        });
                        assert!(received == request && answered == answer);
                        assert_eq!(copier.join().unwrap().unwrap(), (lengths[0], lengths[1]));
                        Some(lengths)
                    })
                });
                let threads: Vec<_> = threads.collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            });
            for [forth, back] in finished.into_iter().flatten() {
                up += forth;
                down += back;
            }
            assert!(counters.a_to_b() >= up && counters.b_to_a() >= down);
        });
    }
}
