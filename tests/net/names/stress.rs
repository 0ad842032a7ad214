//! Many look-ups of few names, of which some are given up in every way there is.

use crate::random::Random;
use greenstd::net::resolver::{Builder, Resolve};
use greenstd::thread::{self, Killed};
use greenstd::time::{Duration, Instant, timeout};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const LOOK_UPS: usize = 2000;
const NAMES: u64 = 60;
const THREADS: usize = 3;

#[test]
fn every_look_up_gets_its_own_answer_or_is_ended_by_its_own_end() {
    for workers in [1, 2] {
        let mut random = Random::from_environment();
        crate::flavour::on_workers(workers, move || {
            let at_once = Arc::new(AtomicUsize::new(0));
            let resolver = Arc::new(Builder::new().threads(THREADS).queue(4).pooled(move |host| {
                assert!(at_once.fetch_add(1, Ordering::SeqCst) < THREADS);
                std::thread::sleep(Duration::from_micros(200));
                at_once.fetch_sub(1, Ordering::SeqCst);
                Ok(vec![answer(host.parse().expect("names are numbers"))])
            }));
            let ends: Vec<_> = (0..LOOK_UPS)
                .map(|_| {
                    let (resolver, mut random) = (resolver.clone(), random.fork());
                    let way = random.below(4);
                    let waiting = thread::spawn(move || look_up(&*resolver, way, &mut random));
                    if way == 3 {
                        // Whether it has begun yet or not.
                        waiting.thread().kill().unwrap();
                    }
                    (way, waiting)
                })
                .collect();
            for (way, waiting) in ends {
                match waiting.join() {
                    Ok(()) => {}
                    Err(payload) => assert!(way == 3 && payload.is::<Killed>()),
                }
            }
            assert_eq!(resolver.resolve("1", None).unwrap(), [answer(1)]);
            let is_idle = || format!("{resolver:?}").contains("in_flight: 0");
            super::eventually("the last of those that were given up ends", is_idle);
        });
    }
}

fn answer(name: u64) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, name as u8], 0))
}

/// Ways: to the end, with a deadline, in a timeout scope, with a kill from outside.
fn look_up(resolver: &dyn Resolve, way: u64, random: &mut Random) {
    let name = random.below(NAMES);
    let host = name.to_string();
    let patience = Duration::from_micros(random.below(5000));
    let outcome = match way {
        1 => resolver.resolve(&host, Some(Instant::now() + patience)),
        2 => match timeout(patience, || resolver.resolve(&host, None)) {
            Ok(outcome) => outcome,
            Err(_) => return,
        },
        _ => resolver.resolve(&host, None),
    };
    match outcome {
        Ok(found) => assert_eq!(found, [answer(name)]),
        Err(error) => assert!(way == 1 && error.kind() == ErrorKind::TimedOut, "{error}"),
    }
}
