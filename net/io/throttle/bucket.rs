//! A token bucket, counted in whole bytes: exact however long it runs.
//!
//! It knows no clock; every call says what time it is. Between `since` and now, `rate` bytes a
//! second have been earned on top of the burst that was there at `since`; `spent` of them are gone.
//! Division happens once for each question and never accumulates, so nothing drifts but the moments
//! at which a bucket is full, by less than a nanosecond each.
//!
//! # Invariants
//!
//! 1. At most `burst` bytes are in the bucket. When it is full, `since` moves to now.
//! 2. It may be in debt: several streams may have been told of the same bytes. Then nobody gets
//!    any until the debt is paid.

use std::time::{Duration, Instant};

const NANOS: u128 = 1_000_000_000;

#[derive(Debug)]
pub(super) struct Bucket {
    rate: u64,
    burst: u64,
    since: Instant,
    spent: u128,
}

impl Bucket {
    /// A full bucket. Neither figure is zero.
    pub(super) fn new(rate: u64, burst: u64, now: Instant) -> Bucket {
        Bucket { rate, burst, since: now, spent: 0 }
    }

    pub(super) fn burst(&self) -> u64 {
        self.burst
    }

    pub(super) fn rate(&self) -> u64 {
        self.rate
    }

    /// The bytes that may be moved now.
    pub(super) fn available(&mut self, now: Instant) -> u64 {
        let earned = self.earned(now);
        if earned >= self.spent {
            // Full: what is earned beyond the burst is lost.
            self.since = self.since.max(now);
            self.spent = 0;
            return self.burst;
        }
        let missing = self.spent - earned;
        u64::try_from(u128::from(self.burst).saturating_sub(missing)).unwrap_or(u64::MAX)
    }

    /// When so many bytes, `burst` at most, are there. None beyond the clock's range.
    pub(super) fn when(&self, wanted: u64) -> Option<Instant> {
        let wanted = u128::from(wanted.min(self.burst));
        let to_earn = (self.spent + wanted).saturating_sub(u128::from(self.burst));
        // Rounded up: a nanosecond before, the last byte would be missing.
        let nanos = (to_earn * NANOS).div_ceil(u128::from(self.rate));
        let seconds = u64::try_from(nanos / NANOS).ok()?;
        self.since.checked_add(Duration::new(seconds, (nanos % NANOS) as u32))
    }

    /// Takes bytes out that were moved, into debt if they are not there.
    pub(super) fn spend(&mut self, bytes: u64) {
        self.spent += u128::from(bytes);
    }

    fn earned(&self, now: Instant) -> u128 {
        now.saturating_duration_since(self.since).as_nanos() * u128::from(self.rate) / NANOS
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;
    use std::time::{Duration, Instant};

    /// Moves pieces of up to `piece` bytes as early as is allowed, in virtual time.
    fn time_to_move(bucket: &mut Bucket, start: Instant, total: u64, piece: u64) -> Duration {
        let (mut now, mut moved) = (start, 0);
        while moved < total {
            let wanted = piece.min(total - moved);
            now = now.max(bucket.when(wanted).expect("soon"));
            assert!(bucket.available(now) >= wanted, "what was promised for {now:?} is there");
            bucket.spend(wanted);
            moved += wanted;
        }
        now - start
    }

    #[test]
    fn burst_is_free_and_the_rest_takes_exactly_its_time() {
        let start = Instant::now();
        for (rate, burst, piece) in [(1_000, 100, 7), (3, 1, 1), (1 << 40, 1 << 20, 65_536)] {
            let mut bucket = Bucket::new(rate, burst, start);
            // A figure whose division leaves rests all the way.
            let seconds = 1_000;
            let total = burst + rate.min(1 << 30) * seconds;
            let exact = Duration::from_secs_f64(((total - burst) as f64) / rate as f64);
            let took = time_to_move(&mut bucket, start, total, piece.min(burst));
            // A clock of nanoseconds gives each piece up to one away: whoever waits for a full
            // bucket comes after that moment, and what is earned meanwhile is lost.
            let rounding = Duration::from_nanos(total / piece.min(burst) + 1);
            assert!(exact - Duration::from_nanos(1) <= took, "{took:?}, not {exact:?}");
            assert!(took - exact.min(took) <= rounding, "{took:?}, not {exact:?}");
        }
    }

    #[test]
    fn no_stretch_of_time_sees_more_than_the_burst_and_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1_000, 50, start);
        let mut moves = Vec::new();
        let mut now = start;
        for step in 0_u64..2_000 {
            // Uneven steps: idle for a while, busy for a while.
            now += Duration::from_millis(step * step % 97);
            let bytes = bucket.available(now).min(1 + step % 40);
            bucket.spend(bytes);
            moves.push((now, bytes));
        }
        for first in 0..moves.len() {
            let mut sum = 0;
            for &(end, bytes) in &moves[first..] {
                sum += bytes;
                let allowed = 50.0 + (end - moves[first].0).as_secs_f64() * 1_000.0;
                assert!(sum as f64 <= allowed + 1e-6, "{sum} bytes where {allowed} are allowed");
            }
        }
    }

    #[test]
    fn debt_is_paid_before_anything_else() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 5, start);
        bucket.spend(25);
        assert_eq!(bucket.available(start), 0);
        assert_eq!(bucket.available(start + Duration::from_secs(2)), 0);
        assert_eq!(bucket.when(1), Some(start + Duration::from_millis(2_100)));
        assert_eq!(bucket.available(start + Duration::from_millis(2_100)), 1);
    }

    #[test]
    fn idle_time_earns_a_burst_and_no_more() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 5, start);
        bucket.spend(5);
        let later = start + Duration::from_secs(1_000_000);
        assert_eq!(bucket.available(later), 5);
        bucket.spend(5);
        assert_eq!(bucket.available(later), 0);
        assert_eq!(bucket.when(5), Some(later + Duration::from_millis(500)));
    }
}
