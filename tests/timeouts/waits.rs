//! The table of all calls that block: a new one is a line here.

mod blocking;
mod channels;
mod events;
mod files;
mod locks;
mod net;
mod process;
mod queues;
mod resources;
mod select;
mod servers;
mod signals;
mod threads;
#[cfg(feature = "tls")]
mod tls;
mod unix;
#[cfg(feature = "ws")]
mod ws;
#[cfg(feature = "zmq")]
mod zmq;

use greenstd::time::Ticker;
use greenstd::{park, thread};
use std::time::{Duration, Instant};

/// A call that blocks.
pub struct Wait {
    pub name: &'static str,
    /// Blocks for ever.
    pub forever: fn(),
    /// Blocks for so long by its own timeout, and says whether that is what has ended it.
    pub timed: Option<fn(Duration) -> bool>,
}

/// A wait without a timeout of its own.
const fn plain(name: &'static str, forever: fn()) -> Wait {
    Wait { name, forever, timed: None }
}

const fn wait(name: &'static str, forever: fn(), timed: fn(Duration) -> bool) -> Wait {
    Wait { name, forever, timed: Some(timed) }
}

/// Longer than any test takes.
const AGES: Duration = Duration::from_secs(100_000);

/// Everything that blocks. `thread::scope` is not among them: it waits for its threads whatever
/// happens, since they borrow from it (`scopes`). Nor is the end of a runtime, which nothing cuts
/// short but the timeout of `shutdown_timeout`.
pub fn all() -> impl Iterator<Item = &'static Wait> {
    let tables: [&'static [Wait]; 15] = [
        TIME,
        blocking::WAITS,
        channels::WAITS,
        events::WAITS,
        files::WAITS,
        locks::WAITS,
        net::WAITS,
        process::WAITS,
        queues::WAITS,
        resources::WAITS,
        select::WAITS,
        servers::WAITS,
        signals::WAITS,
        threads::WAITS,
        unix::WAITS,
    ];
    tables.into_iter().chain(WITH_FEATURES.iter().copied()).flatten()
}

/// What blocks in parts that are not always built.
const WITH_FEATURES: &[&[Wait]] = &[
    #[cfg(feature = "tls")]
    tls::WAITS,
    #[cfg(feature = "ws")]
    ws::WAITS,
    #[cfg(feature = "zmq")]
    zmq::WAITS,
];

/// Sleeping and parking.
const TIME: &[Wait] = &[
    wait("thread::sleep", || thread::sleep(AGES), |time| is_over(time, || thread::sleep(time))),
    wait(
        "thread::sleep_until",
        || thread::sleep_until(Instant::now() + AGES),
        |time| is_over(time, || thread::sleep_until(Instant::now() + time)),
    ),
    wait(
        "thread::park",
        || again_and_again(thread::park),
        |time| {
            let end = Instant::now() + time;
            is_over(time, || again_until(end, || thread::park_timeout(end - Instant::now())))
        },
    ),
    wait(
        "park::park",
        || again_and_again(|| park_or_unwind(None)),
        |time| {
            let end = Instant::now() + time;
            is_over(time, || again_until(end, || park_or_unwind(Some(end))))
        },
    ),
    wait(
        "Ticker::tick",
        || assert!(Ticker::new(AGES).tick() < Instant::now()),
        |time| Ticker::new(AGES).tick_timeout(time).is_none(),
    ),
    plain("Ticker::next", || assert_eq!(Ticker::new(AGES).next(), None)),
];

/// Whether `call` has taken that long at least.
fn is_over(time: Duration, call: impl FnOnce()) -> bool {
    let start = Instant::now();
    call();
    start.elapsed() >= time
}

fn again_and_again(call: fn()) {
    loop {
        call();
    }
}

fn again_until(end: Instant, mut call: impl FnMut()) {
    while Instant::now() < end {
        call();
    }
}

fn park_or_unwind(deadline: Option<Instant>) {
    if park::park_until(deadline) == park::Outcome::Killed {
        let _ = park::unwind_killed();
    }
}
