//! How long one worker has been held, from sample to sample.

use super::activity::{Activity, State};
use super::capture::{self, Capture};
use super::identity::{self, Found, Identity};
use super::report::{Reporter, Stall};
use super::{Subject, Watchdog};
use crate::engine::atomic::Ordering;
use crate::engine::pace::{Beat, Pulse};
use crate::engine::remote::Remote;
use std::time::{Duration, Instant};

/// What was seen of a worker.
#[derive(Debug)]
pub(super) struct Watch {
    last: Option<Sample>,
    /// How long the fiber of the last sample has held the worker.
    held: Duration,
    /// It was counted as a stall.
    is_counted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    beat: Beat,
    processor_time: Duration,
}

impl Watch {
    pub(super) fn new() -> Watch {
        Watch { last: None, held: Duration::ZERO, is_counted: false }
    }

    /// Looks at a worker, so long after the last time. True if it has done nothing since, and is
    /// away.
    pub(super) fn sample(
        &mut self,
        watchdog: &Watchdog,
        remote: &Remote,
        passed: Duration,
        reporter: &mut Reporter,
    ) -> bool {
        // Held throughout (`monitor` invariant 1).
        let post = remote.post.0.lock();
        let Some(subject) = &*post else { return true };
        // SAFETY: it stands in the post, so the worker is there.
        let pulse = unsafe { subject.pulse.as_ref() };
        let is_away = remote.inbox.is_away();
        let processor_time = match is_away {
            true => Duration::ZERO,
            false => subject.thread.processor_time(),
        };
        let sample = Sample { beat: pulse.beat(), processor_time };
        let before = self.last.replace(sample).filter(|before| before.beat == sample.beat);
        let is_held = !is_away && !sample.beat.fiber.is_null();
        let Some(before) = before.filter(|_| is_held) else {
            self.held = Duration::ZERO;
            self.is_counted = false;
            return is_away && before.is_some();
        };
        let state = subject.thread.state();
        self.held += match state {
            Some(State::Blocked) => passed,
            Some(State::Stopped) => Duration::ZERO,
            _ => sample.processor_time.saturating_sub(before.processor_time),
        };
        if self.held < watchdog.settings.threshold {
            return false;
        }
        let found = self.examine(watchdog, subject, pulse, state, reporter);
        drop(post);
        if let Some((identity, activity, capture)) = found {
            let (worker, held) = (remote.index, self.held);
            // Without any lock: subscribers are user code.
            reporter.report(Stall { identity, worker, held, activity, capture });
        }
        false
    }

    /// Finds out all about a stall, if there is to be a report of it.
    fn examine(
        &mut self,
        watchdog: &Watchdog,
        subject: &Subject,
        pulse: &Pulse,
        state: Option<State>,
        reporter: &mut Reporter,
    ) -> Option<(Option<Identity>, Activity, Option<Capture>)> {
        let beat = self.last?.beat;
        let activity = subject.thread.activity(state);
        let identity = match identity::find(pulse, beat) {
            Found::Running(identity) => Some(identity),
            Found::Unreadable => None,
            // It has gone on just now.
            Found::Gone => return None,
        };
        if !self.is_counted {
            self.is_counted = true;
            watchdog.stalls.fetch_add(1, Ordering::Relaxed);
        }
        if !reporter.quota.take(identity.as_ref().map(|it| it.id), Instant::now()) {
            return None;
        }
        watchdog.reports.fetch_add(1, Ordering::Relaxed);
        let signal = watchdog.settings.signal;
        let capture = signal.and_then(|signal| capture::take(signal, subject.thread.id));
        // That of somebody else says nothing.
        Some((identity, activity, capture.filter(|_| pulse.beat() == beat)))
    }
}
