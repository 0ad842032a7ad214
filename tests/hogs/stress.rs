//! Free green threads by the thousand, hogs among them: nothing is lost.

use crate::flavour::Watchdog;
use crate::random::Random;
use crate::scene::{block, builder, runtime, spin};
use greenstd::sync::mpsc;
use greenstd::thread;
use std::time::Duration;

const PAIRS: usize = 5_000;
const ROUNDS: u64 = 20;

/// 10,000 green threads in pairs, each with two channels.
#[test]
fn ten_thousand_play_ping_pong_and_nothing_is_lost() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(4, "ping");
    runtime.run(|| {
        let pair = |number: usize| {
            let (ping, pinged) = mpsc::channel();
            let (pong, ponged) = mpsc::channel();
            let answers = thread::spawn(move || {
                let mut sum = 0;
                for value in pinged {
                    sum += value;
                    pong.send(value + 1).unwrap();
                }
                sum
            });
            let asks = thread::spawn(move || {
                let mut value = number as u64;
                for _ in 0..ROUNDS {
                    ping.send(value).unwrap();
                    value = ponged.recv().unwrap();
                }
                value
            });
            (asks, answers)
        };
        let pairs: Vec<_> = (0..PAIRS).map(pair).collect();
        for (number, (asks, answers)) in pairs.into_iter().enumerate() {
            let number = number as u64;
            assert_eq!(asks.join().unwrap(), number + ROUNDS);
            assert_eq!(answers.join().unwrap(), number * ROUNDS + ROUNDS * (ROUNDS - 1) / 2);
        }
    });
}

/// Hogs that come and go, so that spare workers do, while others wait in every way with deadlines.
#[test]
fn spare_workers_that_come_and_go_lose_nobody() {
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let runtime = builder(workers, "churn").spare_workers(3).build().unwrap();
        let mut random = random.fork();
        runtime.run(move || {
            let joins: Vec<_> = (0..200)
                .map(|_| {
                    let mut random = random.fork();
                    thread::spawn(move || work(&mut random))
                })
                .collect();
            for _ in 0..8 {
                let hogs: Vec<_> = (0..random.below(5))
                    .map(|_| {
                        let time = Duration::from_millis(5 + random.below(80));
                        let hold = if random.below(2) == 0 { spin } else { block };
                        thread::spawn(move || hold(time))
                    })
                    .collect();
                thread::sleep(Duration::from_millis(random.below(300)));
                hogs.into_iter().for_each(|hog| hog.join().unwrap());
                // Sometimes long enough for them to leave.
                if random.below(4) == 0 {
                    thread::sleep(Duration::from_millis(1300));
                }
            }
            joins.into_iter().for_each(|join| join.join().unwrap());
        });
    }
}

/// Waits for a socket, a channel or a deadline, many times.
fn work(random: &mut Random) {
    use greenstd::net::{TcpListener, TcpStream};
    use std::io::{Read, Write};

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut far, _) = listener.accept().unwrap();
    let echo = thread::spawn(move || {
        let mut byte = [0];
        while far.read(&mut byte).unwrap() == 1 {
            far.write_all(&byte).unwrap();
        }
    });
    near.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (sender, receiver) = mpsc::channel();
    for round in 0..40_u8 {
        match random.below(4) {
            0 => thread::sleep(Duration::from_millis(random.below(30))),
            1 => {
                let sender = sender.clone();
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(1));
                    sender.send(round).unwrap();
                });
                assert_eq!(receiver.recv_timeout(Duration::from_secs(60)), Ok(round));
            }
            2 => (0..random.below(20)).for_each(|_| thread::yield_now()),
            _ => {
                near.write_all(&[round]).unwrap();
                let mut answer = [0];
                near.read_exact(&mut answer).unwrap();
                assert_eq!(answer, [round]);
            }
        }
    }
    drop(near);
    echo.join().unwrap();
}
