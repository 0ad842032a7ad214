//! Many pairs that are idle, and work once they are spoken to.

use super::fixture::{Scene, outside};
use crate::child;
use crate::flavour::on_workers;
use greenstd::io::{Read, Write, copy_bidirectional};
use std::fs;

const PAIRS: usize = 500;
/// Twice what a pair may cost the process, for the sake of builds that are not optimised.
const BYTES_PER_PAIR: usize = 48 * 1024;

fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn pairs_that_are_idle_hold_no_buffers_and_lose_no_byte() {
    child::succeed(|| {
        for workers in [1, 2] {
            on_workers(workers, || {
                let before = resident_bytes();
                let pairs: Vec<_> = (0..PAIRS)
                    .map(|_| {
                        let Scene { client, a, b, server } = Scene::new();
                        let copier =
                            greenstd::thread::spawn(move || copy_bidirectional(&a, &b).unwrap());
                        (client, server, copier)
                    })
                    .collect();
                let speak = |mut one: &std::net::TcpStream, mut other: &std::net::TcpStream| {
                    one.write_all(&[5; 3000]).unwrap();
                    let mut received = [0; 3000];
                    other.read_exact(&mut received).unwrap();
                    assert_eq!(received, [5; 3000]);
                };
                for _ in 0..2 {
                    for (client, server, _) in &pairs {
                        outside(|| {
                            speak(client, server);
                            speak(server, client);
                        });
                    }
                }
                let grown = resident_bytes().saturating_sub(before);
                assert!(grown < PAIRS * BYTES_PER_PAIR, "{} bytes a pair", grown / PAIRS);
                for (client, server, copier) in pairs {
                    drop((client, server));
                    assert_eq!(copier.join().unwrap(), (6000, 6000));
                }
            });
        }
    });
}
