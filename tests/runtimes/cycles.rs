//! Runtimes that are started and dropped leave nothing behind.

use crate::child;
use crate::flavour::Watchdog;
use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::{Builder, ThreadLocals};
use greenstd::{channel, thread};
use std::fs;
use std::io::{Read, Write};
use std::time::Duration;

/// What `/proc` shows of this process: descriptors, threads, mappings.
fn census() -> [usize; 3] {
    let entries = |folder| fs::read_dir(folder).unwrap().count();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    [entries("/proc/self/fd"), entries("/proc/self/task"), maps.lines().count()]
}

/// What a runtime can hold when it ends: sockets, timers, those who have not started.
fn fill() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
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
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    thread::spawn(move || stream.read(&mut [0]));
    thread::spawn(|| thread::sleep(Duration::MAX));
    thread::spawn_later(Duration::from_secs(3600), || ());
    thread::Builder::new().stack_size(1 << 20).spawn(thread::park).unwrap();
    thread::yield_now();
    thread::spawn(|| unreachable!("it does not start"));
}

fn driven_cycle(number: usize) {
    let own = number.is_multiple_of(3) && ThreadLocals::Own.is_supported();
    let thread_locals = if own { ThreadLocals::Own } else { ThreadLocals::Worker };
    let runtime = Builder::new().thread_locals(thread_locals).build_driven().unwrap();
    // Who keeps a spawner keeps nothing else.
    let spawner = runtime.spawner();
    runtime.run_until(fill);
    drop(runtime);
    assert!(spawner.spawn(|| ()).join().is_err());
    std::mem::forget(spawner);
}

/// Two runtimes, of which one ends while its green threads wait for the other.
fn pair_of_cycles(number: usize) {
    let one = Builder::new().workers(1 + number % 2).build().unwrap();
    let other = Builder::new().build_driven().unwrap();
    let (sender, receiver) = channel::unbounded::<u32>();
    let never = other.spawn(thread::park);
    one.run(fill);
    one.spawn(move || receiver.recv());
    one.spawn(move || never.join());
    other.run_until(fill);
    match number % 4 {
        0 | 1 => drop((one, other)),
        _ => drop((other, one)),
    }
    drop(sender);
}

/// C80
#[test]
fn cycles_of_driven_runtimes_leave_nothing_behind() {
    child::succeed(|| repeat(driven_cycle));
}

/// C80
#[test]
fn cycles_of_runtimes_beside_one_another_leave_nothing_behind() {
    child::succeed(|| repeat(pair_of_cycles));
}

fn repeat(cycle: fn(usize)) {
    let _watchdog = Watchdog::new();
    (0..20).for_each(cycle);
    let before = census();
    for number in 0..100 {
        // In a thread that ends, for it leaves its own identity behind if it leaks.
        std::thread::spawn(move || cycle(number)).join().unwrap();
        cycle(number);
    }
    let after = census();
    assert_eq!(after[0], before[0], "descriptors");
    assert_eq!(after[1], before[1], "threads");
    // The allocator maps arenas for threads, and a neighbouring mapping may merge or split.
    assert!(after[2] <= before[2] + 16, "mappings: {} and then {}", before[2], after[2]);
}
