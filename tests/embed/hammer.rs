//! Other threads do everything at once to a runtime whose host only polls: no wake-up is missed.

use crate::flavour::Watchdog;
use crate::host::{PATIENCE, drive_by_edges, drive_by_level, driven};
use crate::random::Random;
use greenstd::net::TcpListener;
use greenstd::runtime::{DrivenRuntime, Spawner};
use greenstd::{channel, thread};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const ROUNDS: u64 = 400;
const THREADS: usize = 4;

/// Lets so much time pass that the runtime is now busy, now falling asleep, now asleep.
fn dawdle(random: &mut Random) {
    match random.below(4) {
        0 => {}
        1 => std::thread::yield_now(),
        2 => (0..random.below(2000)).for_each(|_| std::hint::spin_loop()),
        _ => std::thread::sleep(Duration::from_micros(random.below(200))),
    }
}

/// What green threads of the runtime serve, to whoever is outside.
struct Served {
    spawner: Spawner,
    address: SocketAddr,
    requests: channel::Sender<(u64, channel::Sender<u64>)>,
}

fn serve(runtime: &DrivenRuntime) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() {
                    stream.write_all(&byte).unwrap();
                }
            });
        }
    });
    let (requests, answered) = channel::bounded::<(u64, channel::Sender<u64>)>(1);
    runtime.spawn(move || {
        for (number, answer) in answered.iter() {
            answer.send(number + 1).unwrap();
        }
    });
    Served { spawner: runtime.spawner(), address, requests }
}

/// One who hammers: each round waits for an answer, so a wake-up that is missed is a hang.
fn hammer(served: &Served, mut random: Random) {
    let mut stream = TcpStream::connect(served.address).unwrap();
    stream.set_read_timeout(Some(2 * PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let (answer, answers) = channel::bounded(1);
    for round in 0..ROUNDS {
        match random.below(5) {
            0 => {
                served.requests.send((round, answer.clone())).unwrap();
                assert_eq!(answers.recv(), Ok(round + 1));
            }
            1 => {
                let byte = [round as u8];
                stream.write_all(&byte).unwrap();
                let mut back = [0];
                stream.read_exact(&mut back).unwrap();
                assert_eq!(back, byte);
            }
            2 => assert_eq!(served.spawner.spawn(move || round).join().unwrap(), round),
            3 => {
                let time = Duration::from_micros(random.below(1500));
                let start = Instant::now();
                served.spawner.spawn(move || thread::sleep(time)).join().unwrap();
                assert!(start.elapsed() >= time);
            }
            _ => {
                let parked = served.spawner.spawn(thread::park);
                dawdle(&mut random);
                match random.below(2) {
                    0 => parked.thread().unpark(),
                    _ => parked.kill().unwrap(),
                }
                let _ = parked.join();
            }
        }
        dawdle(&mut random);
    }
}

/// Runs the hammers until the last one has ended, which a green thread of the runtime notices.
fn under_hammers(drive: impl FnOnce(&DrivenRuntime, &dyn Fn() -> bool)) {
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    let runtime = driven();
    if random.below(2) == 0 {
        runtime.set_budget(Duration::ZERO);
    }
    let served = Arc::new(serve(&runtime));
    let left = Arc::new(AtomicUsize::new(THREADS));
    let hammers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (served, left, random) = (served.clone(), left.clone(), random.fork());
            std::thread::spawn(move || {
                hammer(&served, random);
                // Told as everything else is, so that the host sees it.
                let spawner = served.spawner.clone();
                spawner.spawn(move || left.fetch_sub(1, Ordering::SeqCst));
            })
        })
        .collect();
    drive(&runtime, &|| left.load(Ordering::SeqCst) == 0);
    hammers.into_iter().for_each(|hammer| hammer.join().unwrap());
}

#[test]
fn no_wake_up_is_missed_by_a_level_triggered_host() {
    under_hammers(|runtime, is_over| {
        drive_by_level(runtime, is_over);
    });
}

#[test]
fn no_wake_up_is_missed_by_an_edge_triggered_host() {
    under_hammers(|runtime, is_over| drive_by_edges(runtime, is_over));
}

#[test]
fn no_wake_up_is_missed_by_a_turn_that_waits() {
    under_hammers(|runtime, is_over| {
        while !is_over() {
            let start = Instant::now();
            let turn = runtime.turn(Some(PATIENCE));
            assert!(turn.has_run() || start.elapsed() < PATIENCE, "a wake-up was missed");
        }
    });
}

#[test]
fn no_wake_up_is_missed_by_a_host_that_mixes_everything() {
    let mut random = Random::from_environment();
    under_hammers(move |runtime, is_over| {
        while !is_over() {
            match random.below(3) {
                0 => {
                    let is_readable = crate::host::is_readable(runtime, PATIENCE);
                    assert!(is_over() || is_readable, "a wake-up was missed");
                    runtime.turn(Some(Duration::ZERO));
                }
                1 => {
                    runtime.turn(Some(Duration::from_micros(random.below(500))));
                }
                _ => {
                    runtime.turn(Some(Duration::ZERO));
                }
            }
        }
    });
}
