//! A program that can be looked into while it runs: `cargo run --release --example observe --
//! [--once] [--console SOCKET]`.
//!
//! Clerks serve orders that come in bursts: each takes a lock, computes, and sleeps as if it asked
//! a database. Every green thread is in a `tracing` span of its own. What the program prints, once
//! a second, is what these spans say (how often and how long each kind of green thread ran), the
//! figures of the runtime, and what most green threads wait for. `--once` prints it once, after a
//! second, and ends. With `--console` it can be asked from outside as well: by `green_top SOCKET`,
//! or `socat - UNIX:SOCKET`. SIGQUIT (Ctrl-\) has all green threads be written to the standard
//! error.

mod shop;
mod spans;

use greenstd::signal::{SIGINT, SIGQUIT, SIGTERM, Signals};
use greenstd::{diag, runtime};
use std::fmt::Write as _;
use std::io;
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

const PERIOD: Duration = Duration::from_secs(1);

/// Groups of green threads in a picture.
const GROUPS: usize = 8;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_once = arguments.iter().any(|argument| argument == "--once");
    let socket = arguments.iter().skip_while(|argument| *argument != "--console").nth(1);
    let busy = spans::BusyTimes::default();
    let subscriber = tracing_subscriber::registry().with(busy.clone());
    tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;

    let _dumps = diag::dump_on(SIGQUIT)?;
    let _console = socket.map(diag::console).transpose()?;
    let runtime = runtime::Builder::new().statistics(true).spans(true).build()?;
    runtime.run(move || {
        shop::open()?;
        let signals = Signals::new([SIGINT, SIGTERM])?;
        while signals.wait_timeout(PERIOD).is_none() {
            let picture = picture(&busy);
            if is_once {
                print!("{picture}");
                return Ok(());
            }
            // Home, the picture, and nothing of the last one below it.
            print!("\x1b[H{}\x1b[J", picture.replace('\n', "\x1b[K\n"));
            io::Write::flush(&mut io::stdout())?;
        }
        Ok(())
    })
}

fn picture(busy: &spans::BusyTimes) -> String {
    let mut text = String::new();
    let all = diag::metrics().green_threads;
    let quantile = |share| all.run_delays.quantile(share).unwrap_or_default();
    writeln!(
        text,
        "{} live, {} spawned, {} panicked | {} switches, {} wake-ups, {} steals | {} timers fired",
        all.live,
        all.spawned,
        all.panicked,
        all.switches,
        all.wakeups,
        all.steals,
        all.timers_fired
    )
    .expect("a string takes everything");
    writeln!(
        text,
        "slices: mean {:.1?}, longest {:.1?} | run delay: 50 % {:.1?}, 99 % {:.1?}\n",
        all.slices.mean().unwrap_or_default(),
        all.slices.longest(),
        quantile(0.5),
        quantile(0.99),
    )
    .expect("a string takes everything");
    writeln!(text, "{:>16} {:>8} {:>10} {:>12} {:>12}", "SPAN", "ENDED", "SLICES", "BUSY", "IDLE")
        .expect("a string takes everything");
    for (name, line) in busy.lines() {
        writeln!(
            text,
            "{name:>16} {:>8} {:>10} {:>12.1?} {:>12.1?}",
            line.ended, line.slices, line.busy, line.idle
        )
        .expect("a string takes everything");
    }
    writeln!(text, "\n{:>8} {:9} {:24} SPAWNED AT", "COUNT", "STATE", "WAITS IN")
        .expect("a string takes everything");
    for group in diag::dump().groups().iter().take(GROUPS) {
        let first = group.first();
        let call = first.wait().map_or("", |wait| wait.call());
        let (count, state) = (group.threads().len(), first.state().name());
        writeln!(text, "{count:>8} {state:9} {call:24} {}", first.site())
            .expect("a string takes everything");
    }
    text
}
