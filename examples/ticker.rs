//! Three things waited for at once: `ticker [SECONDS]`.
//!
//! `select!` waits for a line of standard input, the next tick, and the deadline, whichever is
//! first. At the end of the input, at `quit`, or when the time is up (5 seconds, if nothing else is
//! said) the program says what it has seen and ends.

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenstd::channel::{self, Receiver};
use greenstd::select;

const TICK: Duration = Duration::from_millis(100);
const LINES_WAITING_MAX: usize = 16;

fn main() -> ExitCode {
    let seconds = std::env::args().nth(1).map_or(Ok(5.0), |text| text.parse());
    let Some(time) = seconds.ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    else {
        eprintln!("usage: ticker [SECONDS]");
        return ExitCode::from(2);
    };
    let (ticks, lines, reason) = watch(&read_lines(), time);
    println!("{reason}: {ticks} ticks, {lines} lines");
    ExitCode::SUCCESS
}

/// Counts ticks and lines until it is over, and says why it was.
fn watch(input: &Receiver<String>, time: Duration) -> (u32, u32, &'static str) {
    let start = Instant::now();
    let (ticker, deadline) = (channel::tick(TICK), channel::after(time));
    let (mut ticks, mut lines) = (0, 0);
    loop {
        select! {
            recv(input) -> line => match line {
                Ok(line) if line.trim() == "quit" => return (ticks, lines, "asked to end"),
                Ok(line) => {
                    lines += 1;
                    println!("{:>6} ms: {line}", start.elapsed().as_millis());
                }
                Err(_) => return (ticks, lines, "end of the input"),
            },
            recv(ticker) -> tick => {
                ticks += 1;
                let due = tick.expect("a ticker never ends").duration_since(start);
                println!("{:>6} ms: tick {ticks}", due.as_millis());
            },
            recv(deadline) => return (ticks, lines, "time is up"),
        }
    }
}

/// The lines of standard input. An OS thread of its own reads them, because that blocks: it may
/// send to a channel all the same.
fn read_lines() -> Receiver<String> {
    let (sender, receiver) = channel::bounded(LINES_WAITING_MAX);
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
