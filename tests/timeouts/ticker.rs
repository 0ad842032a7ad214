//! Tickers.

use greenstd::time::{MissedTicks, Ticker, interval};
use std::panic;
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_millis(4);

/// Has slept through some ticks of a ticker that was due at the returned time first.
fn late(missed_ticks: MissedTicks) -> (Ticker, Instant) {
    let start = Instant::now();
    std::thread::sleep(10 * PERIOD);
    (Ticker::starting_at(start, PERIOD).missed_ticks(missed_ticks), start)
}

laws! {
    fn ticks_are_never_early_and_a_period_apart() {
        let start = Instant::now();
        let mut ticker = Ticker::new(PERIOD);
        assert!(ticker.try_tick().is_none());
        let first = ticker.next_tick();
        assert!(first >= start + PERIOD);
        for number in 0..5 {
            let tick = ticker.tick();
            assert_eq!(tick, first + number * PERIOD);
            assert!(Instant::now() >= tick);
        }
        assert_eq!(ticker.period(), PERIOD);
    }

    fn an_interval_ticks_at_once() {
        let mut ticker = interval(Duration::from_secs(1000));
        let first = ticker.tick();
        assert!(ticker.tick_timeout(Duration::from_millis(1)).is_none());
        assert_eq!(ticker.next_tick(), first + Duration::from_secs(1000));
    }

    fn it_is_an_iterator_without_end() {
        let ticks: Vec<_> = Ticker::new(PERIOD).take(4).collect();
        assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] == PERIOD));
    }

    fn a_burst_makes_up_for_every_tick() {
        let (mut ticker, start) = late(MissedTicks::Burst);
        for number in 0..10 {
            assert_eq!(ticker.try_tick(), Some(start + number * PERIOD));
        }
        assert_eq!(MissedTicks::default(), MissedTicks::Burst);
    }

    fn a_skip_stays_at_multiples_of_the_period() {
        let (mut ticker, start) = late(MissedTicks::Skip);
        assert_eq!(ticker.try_tick(), Some(start));
        let next = ticker.next_tick();
        assert!(next > start + 9 * PERIOD);
        assert_eq!((next - start).as_nanos() % PERIOD.as_nanos(), 0);
        assert_eq!(ticker.tick(), next);
        assert!(Instant::now() >= next);
    }

    fn a_delay_leaves_a_period_between() {
        let (mut ticker, start) = late(MissedTicks::Delay);
        let now = Instant::now();
        assert_eq!(ticker.try_tick(), Some(start));
        assert!(ticker.next_tick() >= now + PERIOD);
        assert!(ticker.next_tick() <= Instant::now() + PERIOD);
    }

    fn a_tick_that_nobody_had_time_for_is_not_lost() {
        // Long enough for what is to come before it, on however busy a machine.
        let period = 100 * PERIOD;
        let mut ticker = Ticker::new(period);
        let due = ticker.next_tick();
        assert_eq!(ticker.tick_until(due - period + PERIOD), None);
        let unwound = greenstd::time::timeout(Duration::ZERO, || ticker.tick());
        assert!(unwound.is_err());
        assert_eq!(ticker.tick_until(due), Some(due));
        ticker.reset();
        assert!(ticker.next_tick() > due + period);
    }

    fn a_period_without_end_is_never_over_and_one_of_nothing_is_refused() {
        let mut ticker = Ticker::new(Duration::MAX);
        assert!(ticker.tick_timeout(Duration::from_millis(1)).is_none());
        let mut far = interval(Duration::MAX).missed_ticks(MissedTicks::Skip);
        far.tick();
        assert!(far.try_tick().is_none());
        assert!(panic::catch_unwind(|| interval(Duration::ZERO)).is_err());
    }
}

#[test]
fn time_is_std_s() {
    let now: greenstd::time::Instant = std::time::Instant::now();
    let day: greenstd::time::Duration = std::time::Duration::from_secs(86_400);
    assert!(now.checked_sub(day).is_none_or(|before| before < now));
    let since = greenstd::time::SystemTime::now().duration_since(greenstd::time::UNIX_EPOCH);
    let _: Result<Duration, greenstd::time::SystemTimeError> = since;
}
