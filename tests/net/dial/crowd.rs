//! Very many dials at once.

use super::errors::limit_descriptors;
use super::{Silent, descriptors, listener, refusing};
use crate::child;
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::net::Dialer;
use greenstd::thread;
use greenstd::time::{Duration, timeout};
use std::io::{Read, Write};
use std::sync::Arc;

const DIALS: u64 = 1000;
const RANDOM_DIALS: u64 = 400;

/// More than any of these tests has open at once, and less than any system's hard limit.
const DESCRIPTORS: u64 = 4096;

#[test]
fn a_thousand_dials_at_once_all_reach_their_peer() {
    child::succeed(|| {
        limit_descriptors(DESCRIPTORS);
        for workers in [1, 2] {
            on_workers(workers, || {
                let (listener, good) = listener("127.0.0.1:0");
                // Whom a dial reaches says the number back that it is told.
                let serving = std::thread::spawn(move || {
                    for _ in 0..DIALS {
                        let (mut peer, _) = listener.accept().unwrap();
                        let mut number = [0; 8];
                        peer.read_exact(&mut number).unwrap();
                        peer.write_all(&number).unwrap();
                    }
                });
                let addresses = [refusing(3), vec![good]].concat();
                let dials: Vec<_> = (0..DIALS)
                    .map(|number| {
                        let addresses = addresses.clone();
                        thread::spawn(move || {
                            let mut stream = Dialer::new().dial(&addresses[..]).unwrap();
                            stream.write_all(&number.to_be_bytes()).unwrap();
                            let mut back = [0; 8];
                            stream.read_exact(&mut back).unwrap();
                            assert_eq!(u64::from_be_bytes(back), number);
                        })
                    })
                    .collect();
                dials.into_iter().for_each(|dial| dial.join().unwrap());
                serving.join().unwrap();
            });
        }
    });
}

#[test]
fn dials_that_are_given_up_at_random_leave_nothing_behind() {
    child::succeed(|| {
        limit_descriptors(DESCRIPTORS);
        let mut random = Random::from_environment();
        on_workers(2, move || {
            let (silent, (_listener, good)) = (Arc::new(Silent::new()), listener("127.0.0.1:0"));
            drop(Dialer::new().dial(good).unwrap());
            let before = descriptors();
            let mut dials = Vec::new();
            for _ in 0..RANDOM_DIALS {
                let mut random = random.fork();
                let silents = silent.addresses(random.below(4) as u8);
                let mut addresses = [silents, refusing(random.below(3) as u8)].concat();
                let position = random.below(addresses.len() as u64 + 1) as usize;
                addresses.insert(position, good);
                let is_killed = random.below(3) == 0;
                let patience = Duration::from_millis(random.below(60));
                let dial = thread::spawn(move || {
                    let dialer = Dialer::new().attempt_delay(Duration::from_millis(10));
                    let dialed = timeout(patience, || dialer.dial(&addresses[..]));
                    if let Ok(outcome) = dialed {
                        assert_eq!(outcome.unwrap().peer_addr().unwrap(), good);
                    }
                });
                dials.push((is_killed, dial));
            }
            for (is_killed, dial) in &dials {
                if *is_killed {
                    dial.thread().kill().unwrap();
                }
            }
            for (is_killed, dial) in dials {
                let outcome = dial.join();
                assert!(is_killed || outcome.is_ok(), "{outcome:?}");
            }
            assert_eq!(descriptors(), before);
        });
    });
}
