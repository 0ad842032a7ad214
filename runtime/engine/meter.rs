//! What a worker measures of itself, at the moments at which it reads the clock anyway.
//!
//! Those are its looks at timers and reactor (`pace`): one in 61 switches, or as soon as switches
//! take long. Looks know how long the switches between them took in the mean; once those make up
//! a millisecond (`SAMPLE_EVERY`), they are counted as so many slices of that length, and a *probe*
//! begins, one at a time: how long whoever came last into the queue has to wait for his turn, found
//! by counting the switches until it has come.
//!
//! With `Builder::statistics` the clock is read after every switch, so slices are exact, and
//! so are the probes' moments.

use super::counters::Counters;
use super::worker::Worker;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// How much time of switches is told at once: looks may be a microsecond apart.
const SAMPLE_EVERY: Duration = Duration::from_millis(1);

/// What a worker has under way of its measurements.
#[derive(Debug)]
pub(super) struct Meter {
    /// The clock is read after every switch.
    is_exact: bool,
    slice_began: Cell<Instant>,
    /// Slices that are not counted yet: how many, and how long together.
    slices: Cell<(u32, Duration)>,
    probe: Cell<Option<Probe>>,
}

/// Somebody in the queue whose waiting is measured.
#[derive(Clone, Copy, Debug)]
struct Probe {
    since: Instant,
    /// Those before him at that moment, and himself.
    ahead: u32,
    /// Switches since.
    switches: u32,
}

impl Meter {
    pub(super) fn new(is_exact: bool) -> Meter {
        Meter {
            is_exact,
            slice_began: Cell::new(Instant::now()),
            slices: Cell::new((0, Duration::ZERO)),
            probe: Cell::new(None),
        }
    }
}

impl Worker {
    /// Used on the worker's own thread only.
    #[inline]
    pub(super) fn counters(&self) -> &Counters {
        &self.remote().counters
    }

    /// To be called after each switch.
    #[inline]
    pub(super) fn measure_slice(&self) {
        if self.meter.is_exact {
            self.measure_exactly();
        }
    }

    #[inline(never)]
    fn measure_exactly(&self) {
        let now = Instant::now();
        let slice = now.saturating_duration_since(self.meter.slice_began.replace(now));
        self.counters().slices.record(nanos(slice), 1);
        self.probe(now, 1);
    }

    /// Begins a new interval of the pace, and counts what the last one tells. To be called at each
    /// look.
    pub(super) fn note_look(&self, now: Instant) {
        let (switches, timed) = self.pace.looked(&self.pulse, now);
        let counters = self.counters();
        counters.switches.add(u64::from(switches));
        counters.events.add(self.reactor.take_uncounted());
        if self.meter.is_exact {
            return;
        }
        let (count, sum) = self.meter.slices.get();
        let (more, took) = timed.unwrap_or_default();
        let (count, sum) = (count + more, sum + took);
        let is_enough = sum >= SAMPLE_EVERY;
        self.meter.slices.set(if is_enough { (0, Duration::ZERO) } else { (count, sum) });
        if is_enough {
            counters.slices.record(nanos(sum) / u64::from(count.max(1)), u64::from(count));
        }
        if is_enough || self.meter.probe.get().is_some() {
            self.probe(now, switches);
        }
    }

    /// Counts what has happened since the last look, without being one.
    pub(super) fn note_switches(&self) {
        let counters = self.counters();
        counters.switches.add(u64::from(self.pace.tell(&self.pulse)));
        counters.events.add(self.reactor.take_uncounted());
    }

    /// Counts what has happened since the last look. To be called before the worker sleeps.
    pub(super) fn note_sleep(&self) {
        let counters = self.counters();
        counters.switches.add(u64::from(self.pace.pause(&self.pulse)));
        counters.events.add(self.reactor.take_uncounted());
        // Its turn has come in between, no clock knows when.
        self.meter.probe.set(None);
    }

    /// To be called when the worker has slept.
    pub(super) fn note_wakeup(&self) {
        self.counters().wakeups.add(1);
        if self.meter.is_exact {
            self.meter.slice_began.set(Instant::now());
        }
    }

    /// Goes on with the probe after so many switches, or begins one.
    fn probe(&self, now: Instant, switches: u32) {
        let probe = match self.meter.probe.get() {
            Some(probe) => Probe { switches: probe.switches + switches, ..probe },
            None => {
                let queued = self.ready.len() + self.queued();
                if queued == 0 {
                    // Whoever comes now has nobody before him.
                    return self.counters().delays.record(0, 1);
                }
                let ahead = u32::try_from(queued).unwrap_or(u32::MAX);
                Probe { since: now, ahead, switches: 0 }
            }
        };
        if probe.switches < probe.ahead {
            return self.meter.probe.set(Some(probe));
        }
        let passed = now.saturating_duration_since(probe.since);
        // His turn may have come before this look.
        let waited =
            nanos(passed).saturating_mul(u64::from(probe.ahead)) / u64::from(probe.switches.max(1));
        self.counters().delays.record(waited, 1);
        self.meter.probe.set(None);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
