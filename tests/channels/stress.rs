//! Senders, receivers and selects at random, with timeouts, scopes that expire, and a runtime that
//! ends under them: every message arrives exactly once, or is with its sender again.
//!
//! The seed is printed, and can be given again by the variable `GREENSTD_TEST_SEED`.

use crate::flavour::Watchdog;
use crate::random::Random;
use greenstd::channel::{self, Receiver, Sender};
use greenstd::runtime::Builder;
use greenstd::{select, time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

/// Messages of a run, each sent once at most.
const MESSAGES: usize = 20_000;
const SENDERS: usize = 6;
const RECEIVERS: usize = 5;
const CHANNELS: usize = 3;

const UNSENT: u8 = 0;
const SENT: u8 = 1;
const RECEIVED: u8 = 2;

fn micros(random: &mut Random, limit: u64) -> Duration {
    Duration::from_micros(random.below(limit))
}

/// What became of each message: what its sender was told, and what receivers saw.
struct World {
    next: AtomicUsize,
    told: Vec<AtomicU8>,
    seen: Vec<AtomicU8>,
    dropped: AtomicUsize,
    made: AtomicUsize,
}

/// A message that counts itself out.
struct Message {
    number: usize,
    world: Arc<World>,
}

impl Message {
    fn new(world: &Arc<World>) -> Option<Message> {
        let number = world.next.fetch_add(1, Ordering::Relaxed);
        (number < MESSAGES).then(|| {
            world.made.fetch_add(1, Ordering::Relaxed);
            Message { number, world: world.clone() }
        })
    }

    fn receive(self) {
        let before = self.world.seen[self.number].swap(RECEIVED, Ordering::SeqCst);
        assert_eq!(before, UNSENT, "message {} came twice", self.number);
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.world.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends until all messages are used up. One that was not sent is told so by its number.
fn send(world: &Arc<World>, senders: &[Sender<Message>], mut random: Random) {
    while let Some(message) = Message::new(world) {
        let number = message.number;
        let one = &senders[random.below(CHANNELS as u64) as usize];
        let other = &senders[random.below(CHANNELS as u64) as usize];
        let limit = micros(&mut random, 200);
        let is_sent = match random.below(5) {
            0 => one.send(message).is_ok(),
            1 => one.try_send(message).is_ok(),
            2 => one.send_timeout(message, limit).is_ok(),
            3 => time::timeout(limit, || one.send(message).is_ok()) == Ok(true),
            _ => {
                let mut message = Some(message);
                let spare = &mut None;
                let is_sent = select! {
                    send_from(one, message) -> sent => sent.is_ok(),
                    send_from(other, *spare) -> _ => unreachable!("it has no message"),
                    default(limit) => false,
                };
                assert!(is_sent || message.is_some(), "message {number} was not given back");
                is_sent
            }
        };
        if is_sent {
            world.told[number].store(SENT, Ordering::SeqCst);
        }
    }
}

/// Receives until all senders are gone.
fn receive(receivers: &[Receiver<Message>], mut random: Random) {
    let mut open: Vec<&Receiver<Message>> = receivers.iter().collect();
    while !open.is_empty() {
        let index = random.below(open.len() as u64) as usize;
        let (one, other) = (open[index], open[random.below(open.len() as u64) as usize]);
        let limit = micros(&mut random, 200);
        let got = match random.below(5) {
            0 => one.recv_timeout(limit).map_err(|error| error.is_disconnected()),
            1 => one.try_recv().map_err(|error| error.is_disconnected()),
            2 => match time::timeout(limit, || one.recv()) {
                Ok(got) => got.map_err(|_| true),
                Err(time::TimedOut) => Err(false),
            },
            3 => {
                let mut select = select::Select::new();
                select.recv(one, |got| got.map_err(|_| true));
                select.recv(other, |got| got.map_err(|_| false));
                select.wait_timeout(limit).unwrap_or(Err(false))
            }
            _ => select! {
                recv(one) -> got => got.map_err(|_| true),
                recv(other) -> got => got.map_err(|_| false),
                default(limit) => Err(false),
            },
        };
        match got {
            Ok(message) => message.receive(),
            Err(true) => drop(open.swap_remove(index)),
            Err(false) => {}
        }
    }
}

/// Every message that a sender was told to be sent was received once, and no other one.
fn conserves(workers: usize, capacities: [Option<usize>; CHANNELS]) {
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    println!("with {workers} workers, capacities {capacities:?}");
    let world = Arc::new(World {
        next: AtomicUsize::new(0),
        told: (0..MESSAGES).map(|_| AtomicU8::new(UNSENT)).collect(),
        seen: (0..MESSAGES).map(|_| AtomicU8::new(UNSENT)).collect(),
        dropped: AtomicUsize::new(0),
        made: AtomicUsize::new(0),
    });
    let (senders, receivers): (Vec<_>, Vec<_>) = capacities
        .iter()
        .map(|capacity| capacity.map_or_else(channel::unbounded, channel::bounded))
        .unzip();
    let runtime = Builder::new().workers(workers).build().unwrap();
    let mut green = Vec::new();
    let mut os = Vec::new();
    for thread in 0..SENDERS + RECEIVERS {
        let random = random.fork();
        let (world, senders, receivers) = (world.clone(), senders.clone(), receivers.clone());
        let body = move || {
            if thread < SENDERS {
                drop(receivers);
                send(&world, &senders, random);
            } else {
                drop(senders);
                receive(&receivers, random);
            }
        };
        // One of each kind is an OS thread.
        if thread == 0 || thread == SENDERS {
            os.push(std::thread::spawn(body));
        } else {
            green.push(runtime.spawn(body));
        }
    }
    drop((senders, receivers));
    green.into_iter().for_each(|thread| thread.join().unwrap());
    os.into_iter().for_each(|thread| thread.join().unwrap());
    runtime.shutdown();
    for number in 0..MESSAGES {
        let told = world.told[number].load(Ordering::SeqCst);
        let seen = world.seen[number].load(Ordering::SeqCst);
        assert_eq!(told == SENT, seen == RECEIVED, "message {number}: told {told}, seen {seen}");
    }
    assert_eq!(world.made.load(Ordering::SeqCst), MESSAGES);
    assert_eq!(world.dropped.load(Ordering::SeqCst), MESSAGES);
    let received = world.seen.iter().filter(|seen| seen.load(Ordering::SeqCst) == RECEIVED);
    assert!(received.count() > MESSAGES / 4, "hardly anything got through");
}

#[test]
fn no_message_is_lost_or_doubled_on_one_worker() {
    conserves(1, [Some(0), Some(2), None]);
}

#[test]
fn no_message_is_lost_or_doubled_on_two_workers() {
    conserves(2, [Some(0), Some(2), None]);
}

#[test]
fn no_message_is_lost_or_doubled_in_rendezvous() {
    conserves(2, [Some(0); CHANNELS]);
}

#[test]
fn a_runtime_that_ends_loses_no_message_that_was_sent() {
    let _watchdog = Watchdog::new();
    for round in 0..20 {
        let (sender, receiver) = channel::bounded(round % 4);
        let sent = Arc::new(AtomicUsize::new(0));
        let runtime = Builder::new().workers(2).build().unwrap();
        for _ in 0..4 {
            let (sender, sent) = (sender.clone(), sent.clone());
            drop(runtime.spawn(move || {
                while sender.send(()).is_ok() {
                    sent.fetch_add(1, Ordering::SeqCst);
                }
            }));
        }
        drop(sender);
        let getter = std::thread::spawn(move || receiver.iter().count());
        std::thread::sleep(Duration::from_millis(3));
        runtime.shutdown();
        assert_eq!(getter.join().unwrap(), sent.load(Ordering::SeqCst));
    }
}
