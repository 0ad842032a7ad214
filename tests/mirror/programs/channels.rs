//! Channels of all kinds: rendezvous, bounded, unbounded, their ends and their errors.

use super::std::{self, println};
use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TryRecvError, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

const SENDERS: u64 = 25;

pub fn main() {
    many_senders();
    rendezvous();
    bounds();
    ends();
    requests();
    sieve();
}

fn many_senders() {
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..SENDERS)
        .map(|number| {
            let sender = sender.clone();
            thread::spawn(move || {
                for message in 0..40 {
                    sender.send((number, message)).expect("the receiver is there");
                    if message % 8 == 0 {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    drop(sender);
    let mut last: BTreeMap<u64, i32> = BTreeMap::new();
    let mut count = 0;
    for (number, message) in receiver {
        let before = last.insert(number, message).unwrap_or(-1);
        assert_eq!(before + 1, message, "each sender's messages keep their order");
        count += 1;
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    println!("{count} messages of {} senders, all in order", last.len());
}

fn rendezvous() {
    let (sender, receiver) = mpsc::sync_channel(0);
    let start = Instant::now();
    let meeting = thread::spawn(move || {
        sender.send("met").expect("somebody comes");
        start.elapsed() >= Duration::from_millis(20)
    });
    thread::sleep(Duration::from_millis(20));
    println!("{:?}, the sender waited: {}", receiver.recv(), meeting.join().unwrap());
}

fn bounds() {
    let (sender, receiver) = mpsc::sync_channel(2);
    let sent: Vec<_> = (0..4).map(|number| sender.try_send(number)).collect();
    println!("{sent:?}");
    let blocked = {
        let sender: SyncSender<i32> = sender.clone();
        thread::spawn(move || sender.send(9).is_ok())
    };
    println!("{:?}", receiver.recv());
    println!("went on: {}", blocked.join().unwrap());
    println!("{:?}", receiver.try_iter().collect::<Vec<_>>());
    println!("{:?}", receiver.try_recv());
    drop(receiver);
    println!(
        "{:?} {:?}",
        sender.send(1),
        matches!(sender.try_send(2), Err(TrySendError::Disconnected(2)))
    );
}

fn ends() {
    let (sender, receiver) = mpsc::channel::<u8>();
    println!("{:?}", receiver.recv_timeout(Duration::from_millis(5)));
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    drop(sender);
    // What was sent is there, although nobody is who sent it.
    println!("{:?} {:?}", receiver.recv(), receiver.recv_timeout(Duration::ZERO));
    println!("{} {:?}", receiver.recv().unwrap_err(), receiver.try_recv());
    let late = receiver.recv_timeout(Duration::from_secs(100));
    assert_eq!(late, Err(RecvTimeoutError::Disconnected));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));

    let (sender, receiver) = mpsc::channel::<Box<u8>>();
    let waiter = thread::spawn(move || receiver.iter().count());
    drop(sender);
    println!("{}", waiter.join().unwrap());
}

/// Requests that bring the way back with them.
fn requests() {
    type Request = (u64, mpsc::Sender<u64>);
    let (requests, incoming) = mpsc::channel::<Request>();
    let server = thread::spawn(move || {
        let mut served = 0;
        for (number, reply) in &incoming {
            served += 1;
            // One that does not wait for its answer is no reason to stop.
            let _ = reply.send(number * number);
        }
        served
    });
    let clients: Vec<_> = (1..=SENDERS)
        .map(|number| {
            let requests = requests.clone();
            thread::spawn(move || {
                let (reply, answer) = mpsc::channel();
                requests.send((number, reply)).unwrap();
                answer.recv().unwrap()
            })
        })
        .collect();
    requests.send((0, mpsc::channel().0)).unwrap();
    drop(requests);
    let sum: u64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    println!("{sum} in {} requests", server.join().unwrap());
}

/// A thread for each prime, which passes on what it does not divide.
fn sieve() {
    let (first, mut numbers) = mpsc::sync_channel(1);
    let source = thread::spawn(move || (2..).take_while(|n| first.send(*n).is_ok()).count());
    let mut primes: Vec<u64> = Vec::new();
    let mut filters = Vec::new();
    while primes.len() < 30 {
        let prime = numbers.recv().expect("numbers do not end");
        primes.push(prime);
        let (sender, filtered) = mpsc::sync_channel(1);
        filters.push(thread::spawn(move || {
            for number in numbers {
                if number % prime != 0 && sender.send(number).is_err() {
                    return;
                }
            }
        }));
        numbers = filtered;
    }
    crate::crowd::is_here(primes.len());
    drop(numbers);
    filters.into_iter().for_each(|filter| filter.join().unwrap());
    assert!(source.join().unwrap() > 100);
    println!("{primes:?}");
}
