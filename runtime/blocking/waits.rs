//! How long jobs wait in the queue of a pool, by samples.
//!
//! A job that finds a thread free, or one that may be started, waits for nobody and is not counted.
//! Of those that have to wait one at a time is measured: the clock is read when it is queued and
//! when its turn has come, so that a burst of short jobs does not pay for it.

use crate::engine::Histogram;
use std::time::Instant;

/// The waits of one pool.
#[derive(Debug, Default)]
pub(super) struct Waits {
    histogram: Histogram,
    /// Since when the job that is measured has waited, and at what place in the queue it is.
    probe: Option<(Instant, usize)>,
}

impl Waits {
    /// A job that has to wait was queued at that place, which is 1 for the first.
    pub(super) fn queued_at(&mut self, place: usize) {
        self.probe.get_or_insert_with(|| (Instant::now(), place));
    }

    /// The first job was taken out of the queue.
    pub(super) fn taken(&mut self) {
        if let Some((since, place)) = &mut self.probe {
            *place -= 1;
            if *place == 0 {
                self.histogram.record(since.elapsed());
                self.probe = None;
            }
        }
    }

    /// Jobs have left the queue elsewhere: nobody's place is known any more.
    pub(super) fn disturbed(&mut self) {
        self.probe = None;
    }

    pub(super) fn snapshot(&self) -> Histogram {
        self.histogram.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_job_at_a_time_is_measured_until_its_turn_has_come() {
        let mut waits = Waits::default();
        waits.taken();
        waits.queued_at(2);
        waits.queued_at(3);
        waits.taken();
        assert_eq!(waits.snapshot().count(), 0);
        waits.taken();
        assert_eq!(waits.snapshot().count(), 1);
        waits.taken();
        waits.queued_at(1);
        waits.disturbed();
        waits.taken();
        assert_eq!(waits.snapshot().count(), 1);
    }
}
