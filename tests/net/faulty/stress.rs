//! Many connections, both ways at once, by threads of both kinds, at a high rate of faults, while
//! bystanders are killed: every byte arrives, once and in order, and every descriptor is closed.

use super::streams::{Stream, patiently};
use crate::child;
use crate::descriptors::descriptors;
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::net::TcpStream;
use greenstd::net::faults::{Fault, Plan};
use greenstd::os::unix::net::UnixStream;
use greenstd::sync::mpsc;
use greenstd::thread::{self, JoinHandle};
use std::net::Shutdown;

use std::time::Duration;

/// Runs in a row, each with a seed of its own.
const SEEDS: u64 = 20;

/// Half of them would do to keep two workers busy.
const CONNECTIONS: usize = 8;

/// Of each direction of each connection; more than the buffers of a connection hold at first.
const BYTES: usize = 300_000;

const PIECE_BYTES_MAX: u64 = 100_000;

/// Every third call.
const RATE_PERMILLE: u32 = 333;

/// One test for each type of streams, in a process whose descriptors it can count.
macro_rules! nothing_is_lost_over {
    ($($name:ident: $stream:ty;)*) => {
        mod nothing_is_lost_over {
            use super::*;
            $(#[test] fn $name() { child::succeed(|| stress::<$stream>()); })*
        }
    };
}

nothing_is_lost_over! {
    tcp: TcpStream;
    unix: UnixStream;
}

fn stress<S: Stream>() {
    let first = Random::from_environment().next();
    // What is opened once, for good: the runtime's own.
    run::<S>(first);
    let before = descriptors();
    let mut happened = [0; Fault::ALL.len()];
    for seed in 0..SEEDS {
        let counts = run::<S>(first.wrapping_add(seed));
        happened.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        assert_eq!(descriptors(), before, "after seed {}", first.wrapping_add(seed));
    }
    println!("{happened:?} faults");
    for fault in Fault::ALL {
        let is_for_listeners = fault == Fault::Aborted;
        assert!(happened[fault as usize] > 0 || is_for_listeners, "{fault:?} never happened");
    }
}

/// Returns how often each fault has happened.
fn run<S: Stream>(seed: u64) -> [u64; Fault::ALL.len()] {
    println!("seed {seed}");
    let plan = Plan::new(seed).rate(RATE_PERMILLE);
    let workers = 1 + (seed % 2) as usize;
    let inside = plan.clone();
    on_workers(workers, move || inside.scope(|| converse::<S>(seed, &inside)));
    Fault::ALL.map(|fault| plan.count(fault))
}

/// Starts all conversations, kills whom nobody needs, and compares what was said with what was
/// heard.
fn converse<S: Stream>(seed: u64, plan: &Plan) {
    let mut random = Random::new(seed);
    let mut directions = Vec::new();
    let mut bystanders = Vec::new();
    let mut quiet = Vec::new();
    for _ in 0..CONNECTIONS {
        let (one, other) = patiently(S::pair);
        bystanders.push(watcher(&one));
        bystanders.push(connector::<S>());
        let (silent, waited_for) = patiently(S::pair);
        bystanders.push(reader(waited_for));
        quiet.push(silent);
        let [one_again, other_again] = [&one, &other].map(|end| patiently(|| end.try_clone()));
        for (from, to) in [(one, other), (other_again, one_again)] {
            let (saying, hearing) = (random.fork(), random.fork());
            let said = on_either(&mut random, plan, move || say(from, saying));
            let heard = on_either(&mut random, plan, move || hear(to, hearing));
            directions.push((said, heard));
        }
    }
    while let Some(bystander) = (!bystanders.is_empty())
        .then(|| bystanders.swap_remove(random.below(bystanders.len() as u64) as usize))
    {
        thread::sleep(Duration::from_micros(random.below(2000)));
        bystander.kill().expect("panics unwind here");
        // It may have ended by itself: a watcher, with its stream.
        drop(bystander.join());
    }
    for (said, heard) in directions {
        let said: Sum = said.recv().expect("the sender has not panicked");
        assert_eq!(said, heard.recv().expect("the receiver has not panicked"));
        assert_eq!(said.bytes, BYTES);
    }
    drop(quiet);
}

/// Runs `body` on a green thread or on an OS thread, whichever it happens to be.
fn on_either<T: Send + 'static>(
    random: &mut Random,
    plan: &Plan,
    body: impl FnOnce() -> T + Send + 'static,
) -> mpsc::Receiver<T> {
    let (tell, told) = mpsc::channel();
    let run = move || drop(tell.send(body()));
    if random.below(3) == 0 {
        let plan = plan.clone();
        std::thread::spawn(move || plan.scope(run));
    } else {
        thread::spawn(run);
    }
    told
}

/// Sends pieces of random sizes, and the end.
fn say(mut stream: impl Stream, mut random: Random) -> Sum {
    let mut sum = Sum::default();
    let mut bytes = vec![0; PIECE_BYTES_MAX as usize];
    while sum.bytes < BYTES {
        let size = 1 + random.below(PIECE_BYTES_MAX) as usize;
        let piece = &mut bytes[..size.min(BYTES - sum.bytes)];
        piece.iter_mut().for_each(|byte| *byte = random.next() as u8);
        sum.add(piece);
        let mut left = &*piece;
        while !left.is_empty() {
            let count = patiently(|| stream.write(left));
            assert!(0 < count && count <= left.len());
            left = &left[count..];
        }
    }
    stream.shutdown(Shutdown::Write).unwrap();
    sum
}

/// Receives into buffers of random sizes, until the end.
fn hear(mut stream: impl Stream, mut random: Random) -> Sum {
    let mut sum = Sum::default();
    let mut buffer = vec![0; PIECE_BYTES_MAX as usize];
    loop {
        let room = &mut buffer[..1 + random.below(PIECE_BYTES_MAX) as usize];
        let count = patiently(|| stream.read(room));
        if count == 0 {
            return sum;
        }
        sum.add(&room[..count]);
    }
}

/// Looks at a busy stream again and again, and takes nothing.
fn watcher<S: Stream>(stream: &S) -> JoinHandle<()> {
    let stream = patiently(|| stream.try_clone());
    thread::spawn(move || {
        while stream.watch() {
            thread::yield_now();
        }
    })
}

/// Waits for a byte that never comes.
fn reader(mut stream: impl Stream) -> JoinHandle<()> {
    thread::spawn(move || {
        patiently(|| stream.read(&mut [0]));
        unreachable!("its peer says nothing");
    })
}

/// Connects again and again.
fn connector<S: Stream>() -> JoinHandle<()> {
    thread::spawn(|| {
        for _ in 0..100 {
            drop(patiently(S::pair));
            thread::yield_now();
        }
    })
}

/// A count, and FNV-1a, which notices order as well as content.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    bytes: usize,
    hash: u64,
}

impl Sum {
    fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len();
        for byte in piece {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}
