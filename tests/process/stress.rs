//! Pipes and children under kills at random moments: what was acknowledged is there, in order.

use crate::child;
use crate::descriptors::descriptors;
use crate::fixture::{children, until};
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::process::Command;
use greenstd::thread;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const ROUNDS: usize = 60;

/// One end is killed at a random moment; whoever goes on finds the stream where it was left.
fn pipes_lose_nothing(mut random: Random) {
    let (reader, writer) = greenstd::io::pipe().unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let read = Arc::new(AtomicUsize::new(0));
    let value = |place: usize| (place % 251) as u8;
    let (reader, writer) = (Arc::new(reader), Arc::new(writer));
    for _ in 0..ROUNDS {
        let (its_writer, its_written) = (writer.clone(), written.clone());
        let writing = thread::spawn(move || {
            loop {
                let start = its_written.load(Ordering::Relaxed);
                let bytes: Vec<u8> = (start..start + 3000).map(value).collect();
                let count = (&*its_writer).write(&bytes).unwrap();
                its_written.fetch_add(count, Ordering::Relaxed);
            }
        });
        let (its_reader, its_read) = (reader.clone(), read.clone());
        let reading = thread::spawn(move || {
            let mut bytes = [0; 5000];
            loop {
                let count = (&*its_reader).read(&mut bytes).unwrap();
                let start = its_read.fetch_add(count, Ordering::Relaxed);
                assert!(bytes[..count].iter().zip(start..).all(|(byte, at)| *byte == value(at)));
            }
        });
        let pause = |random: &mut Random| Duration::from_micros(random.below(2000));
        thread::sleep(pause(&mut random));
        let (first, second) =
            if random.below(2) == 0 { (&writing, &reading) } else { (&reading, &writing) };
        first.kill_and_wait(None).unwrap();
        thread::sleep(pause(&mut random));
        second.kill_and_wait(None).unwrap();
    }
    drop(Arc::into_inner(writer).unwrap());
    let mut left = Vec::new();
    Arc::into_inner(reader).unwrap().read_to_end(&mut left).unwrap();
    let (written, read) = (written.load(Ordering::Relaxed), read.load(Ordering::Relaxed));
    assert_eq!(read + left.len(), written);
    assert!(left.iter().zip(read..).all(|(byte, at)| *byte == value(at)));
}

#[test]
fn pipes_lose_nothing_with_one_worker() {
    let random = Random::from_environment();
    on_workers(1, || pipes_lose_nothing(random));
}

#[test]
fn pipes_lose_nothing_with_two_workers() {
    let random = Random::from_environment();
    on_workers(2, || pipes_lose_nothing(random));
}

/// Waiters are killed at random moments; each child is waited for by somebody in the end.
fn children_lose_nothing(mut random: Random) {
    let before = descriptors();
    let all: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let script = format!("sleep 0.0{}", random.below(10));
            let kill_after = Duration::from_micros(random.below(60_000));
            thread::spawn(move || {
                let child = Command::new("sh").args(["-c", &script]).spawn().unwrap();
                let child =
                    Arc::new(greenstd::sync::ReentrantMutex::new(std::cell::RefCell::new(child)));
                let its = child.clone();
                let waiter = thread::spawn(move || its.lock().borrow_mut().wait().map(drop));
                thread::sleep(kill_after);
                waiter.kill_and_wait(None).unwrap();
                let status = child.lock().borrow_mut().wait().unwrap();
                status.success()
            })
        })
        .collect();
    assert!(all.into_iter().all(|one| one.join().unwrap()));
    assert_eq!(children(), 0);
    until("no descriptor is left", || descriptors() <= before);
}

#[test]
fn killed_waiters_lose_no_child() {
    child::succeed(|| {
        let random = Random::from_environment();
        let other = random.clone();
        on_workers(1, || children_lose_nothing(random));
        on_workers(2, || children_lose_nothing(other));
    });
}
