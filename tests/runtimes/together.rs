//! Green threads of one runtime use what belongs to those of another.

use crate::flavour::Watchdog;
use greenstd::io;
use greenstd::net::TcpListener;
use greenstd::runtime::{Builder, DrivenRuntime, Runtime};
use greenstd::sync::{Condvar, Event, Mutex, RwLock, Semaphore};
use greenstd::{channel, select, thread};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

const ROUNDS: u32 = 300;

fn workers(workers: usize) -> Runtime {
    Builder::new().workers(workers).build().unwrap()
}

/// Runs `one` on a runtime with threads, and `other` on each of a second one like it and a driven
/// one, at the same time.
fn between<T: Send + 'static>(
    set: impl Fn() -> (Box<dyn FnOnce() -> T + Send>, Box<dyn FnOnce() + Send>),
) -> Vec<T> {
    let _watchdog = Watchdog::new();
    let mut values = Vec::new();
    for count in [1, 2] {
        let (one, other) = (workers(count), workers(3 - count));
        let (here, there) = set();
        let there = other.spawn(there);
        values.push(one.run(here));
        there.join().unwrap();
    }
    let (one, driven) = (workers(1), Builder::new().build_driven().unwrap());
    let (here, there) = set();
    let there = one.spawn(there);
    values.push(driven.run_until(here));
    there.join().unwrap();
    let (here, there) = set();
    let here = one.spawn(here);
    driven.run_until(there);
    values.push(here.join().unwrap());
    values
}

#[test]
fn channels_carry_messages_between_runtimes() {
    let sums = between(|| {
        let (request, requests) = channel::rendezvous();
        let (answer, answers) = channel::bounded(1);
        let here = move || {
            let mut sum = 0;
            for number in 0..ROUNDS {
                request.send(number).unwrap();
                let reply: u32 = answers.recv().unwrap();
                sum += reply;
            }
            sum
        };
        let there = move || {
            for number in requests.iter() {
                answer.send(number + 1).unwrap();
            }
        };
        (Box::new(here), Box::new(there))
    });
    assert!(sums.iter().all(|&sum| sum == (1..=ROUNDS).sum()));
}

#[test]
fn locks_exclude_across_runtimes() {
    let sums = between(|| {
        let count = Arc::new(Mutex::new(0));
        let work = |count: Arc<Mutex<u32>>| {
            for _ in 0..ROUNDS {
                let mut guard = count.lock().unwrap();
                let before = *guard;
                thread::yield_now();
                *guard = before + 1;
            }
        };
        let (has_ended, told) = (Arc::new(Event::new()), count.clone());
        let ends = has_ended.clone();
        let here = move || {
            work(told.clone());
            has_ended.wait();
            *told.lock().unwrap()
        };
        let there = move || {
            work(count);
            ends.set();
        };
        (Box::new(here), Box::new(there))
    });
    assert!(sums.iter().all(|&sum| sum == 2 * ROUNDS), "{sums:?}");
}

#[test]
fn conditions_permits_and_readers_are_shared_across_runtimes() {
    let values = between(|| {
        let state = Arc::new((Mutex::new(0_u32), Condvar::new()));
        let permits = Arc::new(Semaphore::new(1));
        let table = Arc::new(RwLock::new(0_u32));
        let turn = |state: &(Mutex<u32>, Condvar), parity: u32| {
            let mut number = state.0.lock().unwrap();
            while *number % 2 != parity {
                number = state.1.wait(number).unwrap();
            }
            *number += 1;
            state.1.notify_all();
        };
        let (its_state, its_permits, its_table) = (state.clone(), permits.clone(), table.clone());
        let here = move || {
            for _ in 0..ROUNDS {
                // Before the turn, after which the other one looks.
                permits.acquire();
                *table.write().unwrap() += 1;
                permits.release();
                turn(&state, 0);
            }
            // After the other's last turn, which leaves the number even.
            let mut number = state.0.lock().unwrap();
            while *number < 2 * ROUNDS {
                number = state.1.wait(number).unwrap();
            }
            *number
        };
        let there = move || {
            for _ in 0..ROUNDS {
                turn(&its_state, 1);
                its_permits.acquire();
                assert!(*its_table.read().unwrap() > 0);
                its_permits.release();
            }
        };
        (Box::new(here), Box::new(there))
    });
    assert!(values.iter().all(|&value| value == 2 * ROUNDS), "{values:?}");
}

#[test]
fn sockets_are_read_where_they_were_not_made() {
    let bytes = between(|| {
        let (handed, taken) = channel::bounded(1);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let here = move || {
            let (mut stream, _) = listener.accept().unwrap();
            // It has waited here, so it is registered here, before it is handed over.
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            handed.send(stream.try_clone().unwrap()).unwrap();
            // The two duplicates are used by two runtimes: one reads, one writes.
            for number in 0..ROUNDS {
                stream.write_all(&number.to_le_bytes()).unwrap();
            }
            ROUNDS as usize * 4
        };
        let there = move || {
            let client = std::thread::spawn(move || {
                let mut stream = std::net::TcpStream::connect(address).unwrap();
                stream.write_all(b"x").unwrap();
                let mut number = [0; 4];
                for expected in 0..ROUNDS {
                    stream.read_exact(&mut number).unwrap();
                    assert_eq!(u32::from_le_bytes(number), expected);
                    stream.write_all(&number).unwrap();
                }
            });
            let mut stream = taken.recv().unwrap();
            let mut number = [0; 4];
            for expected in 0..ROUNDS {
                stream.read_exact(&mut number).unwrap();
                assert_eq!(u32::from_le_bytes(number), expected);
            }
            client.join().unwrap();
        };
        (Box::new(here), Box::new(there))
    });
    assert!(bytes.iter().all(|&count| count == ROUNDS as usize * 4));
}

#[test]
fn joins_kills_and_links_reach_across_runtimes() {
    let values = between(|| {
        let (handed, taken) = channel::bounded(1);
        let (linked, link) = channel::bounded(1);
        let here = move || {
            let waits = thread::spawn(thread::park);
            let value = thread::spawn(|| 7);
            waits.link(move |_| linked.send(()).unwrap());
            handed.send((waits, value)).unwrap();
            link.recv().unwrap();
            7
        };
        let there = move || {
            let (waits, value) = taken.recv().unwrap();
            assert_eq!(value.join().unwrap(), 7);
            assert!(!waits.wait(Duration::from_millis(5)));
            assert!(waits.kill_and_wait(None).unwrap());
            assert!(waits.join().is_err());
        };
        (Box::new(here), Box::new(there))
    });
    assert_eq!(values, [7; 4]);
}

#[test]
fn one_select_waits_for_things_of_several_runtimes() {
    let _watchdog = Watchdog::new();
    let (one, two, driven) = (workers(1), workers(2), Builder::new().build_driven().unwrap());
    let (from_one, by_one) = channel::unbounded();
    let (from_two, by_two) = channel::unbounded();
    for (runtime, sender) in [(&one, from_one), (&two, from_two)] {
        runtime.spawn(move || {
            for number in 0..ROUNDS {
                sender.send(number).unwrap();
                thread::sleep(Duration::from_micros(50));
            }
        });
    }
    let counts = driven.run_until(move || {
        let mut counts = [0, 0];
        while counts != [ROUNDS; 2] {
            select! {
                recv(by_one) -> message => counts[0] += u32::from(message.is_ok()),
                recv(by_two) -> message => counts[1] += u32::from(message.is_ok()),
            }
        }
        counts
    });
    assert_eq!(counts, [ROUNDS; 2]);
}

#[test]
fn two_driven_runtimes_take_turns_on_one_thread() {
    let _watchdog = Watchdog::new();
    let runtimes: [DrivenRuntime; 2] = [(); 2].map(|()| Builder::new().build_driven().unwrap());
    let (ping, pings) = channel::bounded(1);
    let (pong, pongs) = channel::bounded(1);
    let (mut reader, mut writer) = io::pipe().unwrap();
    let one = runtimes[0].spawn(move || {
        for number in 0..ROUNDS {
            ping.send(number).unwrap();
            assert_eq!(pongs.recv(), Ok(number));
        }
        writer.write_all(b"the end").unwrap();
    });
    let two = runtimes[1].spawn(move || {
        for number in pings.iter() {
            pong.send(number).unwrap();
        }
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    while !two.is_finished() {
        for runtime in &runtimes {
            runtime.turn(Some(Duration::from_micros(100)));
        }
    }
    one.join().unwrap();
    assert_eq!(two.join().unwrap(), "the end");
}
