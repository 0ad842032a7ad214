//! Tells whether the machine was disturbed around a run.
//!
//! A neighbour on the sibling hyper-thread slows everything that is bound by throughput, for
//! seconds to minutes, and neither clock frequency nor stolen time shows it. A loop of independent
//! integer instructions does: it is timed on each CPU between runs and compared with the best ever
//! seen.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::sys;

/// How long one loop should take: long against a clock read, short against a run.
const LOOP: Duration = Duration::from_millis(1);
/// Loops for each probe of a CPU; the fastest counts, so that one preemption is not noise.
const LOOPS_PER_PROBE: usize = 3;
/// Slower than the best by this factor means disturbed. Quiet machines stay within 1.05; a busy
/// sibling hyper-thread costs 1.3 and more.
const DISTURBED: f64 = 1.15;

/// The probe, with the best time ever seen.
#[derive(Debug)]
pub struct NoiseProbe {
    cpus: Vec<usize>,
    iterations: u64,
    best: Duration,
}

impl NoiseProbe {
    /// Calibrates the loop to about a millisecond.
    pub fn new() -> NoiseProbe {
        let mut iterations = 1 << 14;
        while integer_loop(iterations) < LOOP {
            iterations *= 2;
        }
        let mut probe = NoiseProbe { cpus: sys::allowed_cpus(), iterations, best: Duration::MAX };
        for _ in 0..LOOPS_PER_PROBE {
            probe.slowdown();
        }
        probe
    }

    /// How much slower than the best ever seen the slowest CPU is now.
    pub fn slowdown(&mut self) -> f64 {
        let mut slowest = Duration::ZERO;
        for &cpu in &self.cpus {
            sys::pin_to(&[cpu]);
            let loops = (0..LOOPS_PER_PROBE).map(|_| integer_loop(self.iterations));
            let fastest = loops.min().expect("there is at least one loop in a probe");
            slowest = slowest.max(fastest);
            self.best = self.best.min(fastest);
        }
        sys::pin_to(&self.cpus);
        slowest.as_secs_f64() / self.best.as_secs_f64()
    }

    /// Does this slowdown mean that somebody else was at work?
    pub fn is_disturbed(slowdown: f64) -> bool {
        slowdown > DISTURBED
    }
}

/// Eight chains that do not depend on each other: as many instructions at a time as the core can
/// do.
fn integer_loop(iterations: u64) -> Duration {
    let mut chains: [u64; 8] = black_box([1, 2, 3, 4, 5, 6, 7, 8]);
    let start = Instant::now();
    for step in 0..iterations / 8 {
        for chain in &mut chains {
            *chain = (chain.rotate_left(5) ^ step).wrapping_add(0x9e37_79b9_7f4a_7c15);
        }
    }
    black_box(chains);
    start.elapsed()
}
