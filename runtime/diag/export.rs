//! The figures for the crate `metrics`, and so for whatever its user has them go to.
//!
//! The recorder is told the state of our counters from time to time: nothing is called where they
//! are counted. Of a histogram it is told what each bucket has got since the last time, at the
//! bucket's bound.

use super::metrics::{self, Metrics};
use crate::runtime::Histogram;
use crate::sync::Event;
use crate::thread::{self, JoinHandle};
use ::metrics::{counter, gauge, histogram};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Tells the recorder of the crate `metrics` what has become of our figures since it last did.
///
/// Counters are `greenstd_*_total`, histograms `greenstd_*_seconds`, all others gauges:
/// `greenstd_parked` for each `call` that green threads wait in. For who has a loop of his own;
/// [`export_metrics`] does it by itself.
///
/// # Examples
///
/// ```
/// let mut exporter = greenstd_runtime::diag::Exporter::new();
/// // As often as the recorder is read.
/// exporter.record();
/// ```
#[derive(Debug, Default)]
pub struct Exporter {
    /// What was told of each histogram.
    told: HashMap<(&'static str, String), Histogram>,
    /// What green threads have waited in.
    calls: BTreeSet<&'static str>,
}

impl Exporter {
    /// Makes one that has told nothing yet.
    #[must_use]
    pub fn new() -> Exporter {
        Exporter::default()
    }

    /// Tells the recorder, that of the calling thread or else the global one, all figures once.
    ///
    /// Takes some tenths of a microsecond for each green thread that is parked, for which a green
    /// thread parks: see [`parked`](super::parked).
    ///
    /// # Panics
    ///
    /// As there.
    pub fn record(&mut self) {
        let parked = metrics::parked();
        self.calls.extend(parked.keys());
        for &call in &self.calls {
            let count = parked.get(call).copied().unwrap_or(0);
            gauge!("greenstd_parked", "call" => call).set(count as f64);
        }
        let Metrics { runtimes, green_threads: all, pools, accept_errors } = metrics::metrics();
        gauge!("greenstd_runtimes").set(runtimes as f64);
        gauge!("greenstd_workers").set(all.workers as f64);
        gauge!("greenstd_spare_workers").set(all.spare_workers as f64);
        gauge!("greenstd_live").set(all.live as f64);
        counter!("greenstd_spare_workers_started_total").absolute(all.spare_workers_started);
        counter!("greenstd_spawned_total").absolute(all.spawned);
        counter!("greenstd_ended_total").absolute(all.ended);
        counter!("greenstd_panicked_total").absolute(all.panicked);
        counter!("greenstd_killed_total").absolute(all.killed);
        counter!("greenstd_switches_total").absolute(all.switches);
        counter!("greenstd_wakeups_total").absolute(all.wakeups);
        counter!("greenstd_steals_total").absolute(all.steals);
        counter!("greenstd_timers_armed_total").absolute(all.timers_armed);
        counter!("greenstd_timers_fired_total").absolute(all.timers_fired);
        counter!("greenstd_events_total").absolute(all.events);
        counter!("greenstd_hogs_total").absolute(all.hogs);
        counter!("greenstd_accept_errors_total").absolute(accept_errors);
        gauge!("greenstd_stacks_mapped").set(all.stacks.mapped as f64);
        gauge!("greenstd_stacks_taken").set(all.stacks.taken as f64);
        let cached = all.stacks.returned + all.stacks.warm + all.stacks.cold;
        gauge!("greenstd_stacks_cached").set(cached as f64);
        for (bucket, count) in self.news("slices", "", &all.slices) {
            histogram!("greenstd_slice_seconds").record_many(bucket, count);
        }
        for (bucket, count) in self.news("run_delays", "", &all.run_delays) {
            histogram!("greenstd_run_delay_seconds").record_many(bucket, count);
        }
        for pool in &pools {
            let statistics = pool.statistics;
            let name = || pool.name.clone();
            gauge!("greenstd_pool_threads", "pool" => name()).set(statistics.threads as f64);
            gauge!("greenstd_pool_idle", "pool" => name()).set(statistics.idle as f64);
            gauge!("greenstd_pool_queued", "pool" => name()).set(statistics.queued as f64);
            gauge!("greenstd_pool_running", "pool" => name()).set(statistics.running as f64);
            counter!("greenstd_pool_done_total", "pool" => name()).absolute(statistics.done);
            for (bucket, count) in self.news("waits", &pool.name, &pool.waits) {
                histogram!("greenstd_pool_wait_seconds", "pool" => name())
                    .record_many(bucket, count);
            }
        }
    }

    /// What each bucket of a histogram has got since the last time: its bound in seconds, which for
    /// the last is the longest, and how many.
    fn news(&mut self, what: &'static str, of: &str, now: &Histogram) -> Vec<(f64, usize)> {
        let told = self.told.entry((what, of.to_owned())).or_default();
        let longest = now.longest();
        let news = now.buckets().zip(told.buckets()).filter_map(|((bound, now), (_, told))| {
            // Less only if another pool has the name of one that has gone.
            let count = usize::try_from(now.saturating_sub(told)).unwrap_or(usize::MAX);
            let bound = bound.map_or(longest, |bound| bound.min(longest));
            (count > 0).then_some((bound.as_secs_f64(), count))
        });
        let news = news.collect();
        *told = now.clone();
        news
    }
}

/// The export by a green thread: see [`export_metrics`]. It ends when this is dropped.
#[derive(Debug)]
#[must_use = "the export ends when this is dropped"]
pub struct Exporting {
    stop: Arc<Event>,
    thread: Option<JoinHandle<()>>,
}

/// Tells the recorder of the crate `metrics` our figures now and in each further `period`, on a
/// green thread of the caller's runtime, until what is returned is dropped.
///
/// Works on threads of either kind. The recorder has to be the global one (as set by
/// `metrics::set_global_recorder`), and must not block. While it is there, the runtime is not idle,
/// as [`wait_idle`](crate::runtime::wait_idle) sees it.
///
/// # Errors
///
/// As [`thread::Builder::spawn`].
#[track_caller]
pub fn export_metrics(period: Duration) -> io::Result<Exporting> {
    let stop = Arc::new(Event::new());
    let its_own = Arc::clone(&stop);
    let mut exporter = Exporter::new();
    let body = move || {
        loop {
            exporter.record();
            if its_own.wait_timeout(period) {
                break;
            }
        }
    };
    let thread = thread::Builder::new().name("metrics-exporter".into()).spawn(body)?;
    Ok(Exporting { stop, thread: Some(thread) })
}

impl Exporting {
    /// Ends the export, and blocks the calling thread until its green thread has ended.
    pub fn stop(mut self) {
        self.stop.set();
        if let Some(thread) = self.thread.take() {
            // A recorder that has panicked was heard of then.
            let _ = thread.join();
        }
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        self.stop.set();
    }
}
