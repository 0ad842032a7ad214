//! What threads return, how they are told apart, and what happens to those that nobody joins.

use super::std::{self, println};
use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::num::ParseIntError;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier, Weak};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

const THREADS: usize = 26;

pub fn main() -> Result<(), Box<dyn Error>> {
    values()?;
    identities();
    detached();
    recursion();
    finished();
    Ok(())
}

#[derive(Debug)]
enum Failure {
    Parse(ParseIntError),
    Negative(i64),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Parse(error) => write!(f, "no number: {error}"),
            Failure::Negative(number) => write!(f, "{number} is below zero"),
        }
    }
}

impl Error for Failure {}

impl From<ParseIntError> for Failure {
    fn from(error: ParseIntError) -> Failure {
        Failure::Parse(error)
    }
}

fn values() -> Result<(), Box<dyn Error>> {
    let root = |text: &'static str| -> JoinHandle<Result<f64, Failure>> {
        thread::spawn(move || {
            let number: i64 = text.parse()?;
            if number < 0 { Err(Failure::Negative(number)) } else { Ok((number as f64).sqrt()) }
        })
    };
    for handle in ["144", "-4", "x", "2"].map(root) {
        match handle.join().expect("it does not panic") {
            Ok(root) => println!("{root:.3}"),
            Err(failure) => println!("{failure}"),
        }
    }
    let big: [u64; 512] = thread::spawn(|| std::array::from_fn(|n| n as u64)).join().unwrap();
    println!("{}", big.iter().sum::<u64>());
    let outcomes: Vec<thread::Result<u32>> = vec![
        thread::spawn(|| 1).join(),
        thread::spawn(|| panic!("text")).join(),
        thread::spawn(|| panic!("text {}", thread::current().name().is_some())).join(),
        thread::spawn(|| std::panic::panic_any(3_i8)).join(),
    ];
    for outcome in outcomes {
        match outcome {
            Ok(value) => println!("value {value}"),
            Err(payload) if payload.is::<&str>() => println!("a static text"),
            Err(payload) if payload.is::<String>() => println!("a text that was made"),
            Err(payload) => println!("{:?}", payload.downcast_ref::<i8>()),
        }
    }
    Ok(())
}

fn identities() {
    let all_here = Arc::new(Barrier::new(THREADS + 1));
    let threads: Vec<JoinHandle<ThreadId>> = (0..THREADS)
        .map(|number| {
            let all_here = Arc::clone(&all_here);
            let builder = thread::Builder::new().name(format!("thread {number}"));
            let builder = builder.stack_size(128 * 1024);
            let body = move || {
                all_here.wait();
                assert_eq!(thread::current().name(), Some(format!("thread {number}").as_str()));
                thread::current().id()
            };
            builder.spawn(body).expect("there are enough threads")
        })
        .collect();
    crate::crowd::is_here(THREADS);
    all_here.wait();
    let names: Vec<_> =
        threads.iter().take(3).map(|handle| handle.thread().name().map(str::to_owned)).collect();
    let told: Vec<ThreadId> = threads.iter().map(|handle| handle.thread().id()).collect();
    let own: Vec<ThreadId> = threads.into_iter().map(|handle| handle.join().unwrap()).collect();
    println!("{names:?}, the same from outside: {}", told == own);
    let mut distinct: HashSet<ThreadId> = own.into_iter().collect();
    distinct.insert(thread::current().id());
    println!("{} threads with this one", distinct.len());
    println!("{:?}", thread::spawn(|| thread::current().name().map(str::to_owned)).join().ok());
    assert!(thread::available_parallelism().is_ok_and(|threads| threads.get() >= 1));
}

/// Nobody joins them; they go on, and what they own is dropped.
fn detached() {
    let owned = Arc::new(());
    let seen: Weak<()> = Arc::downgrade(&owned);
    let (ended, end) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    drop(thread::spawn(move || {
        let early = may_go_on.recv_timeout(Duration::from_millis(1));
        let word = if early == Err(RecvTimeoutError::Timeout) { "waits" } else { "does not wait" };
        ended.send(word).expect("somebody listens");
        may_go_on.recv().expect("it is told to");
        drop(owned);
        ended.send("went on").expect("somebody listens");
    }));
    println!("{:?}", end.recv());
    println!("alive: {}", seen.upgrade().is_some());
    go_on.send(()).expect("it still runs");
    println!("{:?}, alive: {}", end.recv(), seen.upgrade().is_some());
}

/// Threads that spawn threads and join them.
fn recursion() {
    fn fibonacci(n: u32) -> u64 {
        if n < 2 {
            return u64::from(n);
        }
        let one = thread::spawn(move || fibonacci(n - 1));
        let two = fibonacci(n - 2);
        one.join().expect("it does not panic") + two
    }
    println!("{}", fibonacci(12));
}

fn finished() {
    let gate = Arc::new(Barrier::new(2));
    let other = Arc::clone(&gate);
    let handle = thread::spawn(move || other.wait().is_leader());
    println!("finished: {}", handle.is_finished());
    let leads_here = gate.wait().is_leader();
    while !handle.is_finished() {
        thread::sleep(Duration::from_millis(1));
    }
    println!("one leads: {}", handle.join().unwrap() != leads_here);
}
