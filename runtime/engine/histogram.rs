//! A histogram of durations, as a snapshot: counts in buckets whose bounds double.
//!
//! Doubling bounds cover everything from a switch to a minute in a few words, and two histograms
//! add up bucket by bucket. A quantile is known to within a factor of two, which tells a slice of
//! 20 µs from one of 20 ms.

use std::array;
use std::time::Duration;

/// Buckets: the first ends at 256 ns, which is some switches; the last but one at 17 s, longer than
/// what anybody takes for a delay. The last has no end.
pub(super) const BUCKETS: usize = 28;

/// The bound of the first bucket is 2 to this power, in nanoseconds.
const FIRST_BITS: u32 = 8;

/// How long something took, many times: counts by bucket, their sum, and the longest.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{runtime, thread};
///
/// let runtime = runtime::Builder::new().statistics(true).build()?;
/// runtime.run(thread::yield_now);
/// let slices = runtime.metrics().slices;
/// assert!(slices.count() > 0 && slices.quantile(0.5) <= slices.quantile(0.99));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    sum_nanos: u64,
    longest_nanos: u64,
}

impl Histogram {
    pub(super) fn new(counts: [u64; BUCKETS], sum_nanos: u64, longest_nanos: u64) -> Histogram {
        Histogram { counts, sum_nanos, longest_nanos }
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos)
    }

    /// The longest one; zero if there was none.
    #[must_use]
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest_nanos)
    }

    /// The mean; none if there was none.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        self.sum_nanos.checked_div(self.count()).map(Duration::from_nanos)
    }

    /// What the share `quantile` of them did not exceed, such as 0.99: the bound of a bucket, so up
    /// to twice what it was, and never more than the longest. None if there was none.
    ///
    /// # Panics
    ///
    /// If `quantile` is not within 0 and 1.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        assert!((0.0..=1.0).contains(&quantile), "a quantile is within 0 and 1");
        let count = self.count();
        // At least the first one.
        let rank = ((count as f64 * quantile).ceil() as u64).clamp(1, count.max(1));
        let mut below = 0;
        let bucket = self.counts.iter().position(|&count| {
            below += count;
            below >= rank
        })?;
        let bound = bound_nanos(bucket).unwrap_or(u64::MAX).min(self.longest_nanos);
        Some(Duration::from_nanos(bound))
    }

    /// The buckets, shortest first: the longest duration that each takes, which the last does not
    /// know, and how many fell into it, but not into those before.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = (0..BUCKETS).map(|bucket| bound_nanos(bucket).map(Duration::from_nanos));
        bounds.zip(self.counts)
    }

    /// Counts one more.
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket_of(nanos)] += 1;
        self.sum_nanos = self.sum_nanos.saturating_add(nanos);
        self.longest_nanos = self.longest_nanos.max(nanos);
    }

    /// Both together.
    pub(crate) fn plus(&self, other: &Histogram) -> Histogram {
        Histogram {
            counts: array::from_fn(|bucket| self.counts[bucket] + other.counts[bucket]),
            sum_nanos: self.sum_nanos.saturating_add(other.sum_nanos),
            longest_nanos: self.longest_nanos.max(other.longest_nanos),
        }
    }
}

/// The bucket of so many nanoseconds.
#[inline]
pub(super) fn bucket_of(nanos: u64) -> usize {
    let bits = u64::BITS - nanos.saturating_sub(1).leading_zeros();
    (bits.saturating_sub(FIRST_BITS) as usize).min(BUCKETS - 1)
}

/// The longest that a bucket takes.
fn bound_nanos(bucket: usize) -> Option<u64> {
    (bucket + 1 < BUCKETS).then(|| 1 << (FIRST_BITS as usize + bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_the_first_bucket_that_takes_it() {
        for nanos in (0..40).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits, (1 << bits) + 1]) {
            let bucket = bucket_of(nanos);
            assert!(bound_nanos(bucket).is_none_or(|bound| nanos <= bound), "{nanos}");
            if let Some(before) = bucket.checked_sub(1) {
                assert!(bound_nanos(before).is_some_and(|bound| nanos > bound), "{nanos}");
            }
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_rise_and_end_at_the_longest() {
        let mut counts = [0; BUCKETS];
        counts[bucket_of(1_000)] = 98;
        counts[bucket_of(3_000_000)] = 2;
        let histogram = Histogram::new(counts, 6_098_000, 3_000_000);
        assert_eq!(histogram.quantile(0.5), Some(Duration::from_nanos(1024)));
        assert_eq!(histogram.quantile(0.99), Some(Duration::from_millis(3)));
        assert_eq!(histogram.quantile(1.0), Some(histogram.longest()));
        assert_eq!(histogram.quantile(0.0), Some(Duration::from_nanos(1024)));
        assert_eq!(histogram.mean(), Some(Duration::from_nanos(60_980)));
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(Histogram::default().mean(), None);
        assert_eq!(histogram.plus(&histogram).count(), 200);
        assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), 100);
    }
}
