//! The figures as a console says them: of the process, of stacks, of pools.

use crate::blocking::{self, PoolReport};
use crate::diag;
use crate::diag::json::{Fields, list, object};
use crate::runtime::{Histogram, Metrics, StackMemory};

/// What stands above a list.
pub(super) fn summary() -> String {
    let all = diag::metrics().green_threads;
    let quantile = |of: &Histogram| of.quantile(0.99).unwrap_or_default();
    format!(
        "{} green threads live, {} spawned, {} switches; slices up to {:?} (99 %: {:?}); run delay \
         99 %: {:?}; {} hogs",
        all.live,
        all.spawned,
        all.switches,
        all.slices.longest(),
        quantile(&all.slices),
        quantile(&all.run_delays),
        all.hogs,
    )
}

/// Each figure with its name.
fn figures(all: &Metrics, runtimes: usize, accept_errors: u64) -> Vec<(&'static str, u64)> {
    let stacks = all.stacks;
    vec![
        ("runtimes", runtimes as u64),
        ("workers", all.workers as u64),
        ("spare_workers", all.spare_workers as u64),
        ("spare_workers_started", all.spare_workers_started),
        ("live", all.live),
        ("spawned", all.spawned),
        ("ended", all.ended),
        ("panicked", all.panicked),
        ("killed", all.killed),
        ("switches", all.switches),
        ("wakeups", all.wakeups),
        ("steals", all.steals),
        ("timers_armed", all.timers_armed),
        ("timers_fired", all.timers_fired),
        ("events", all.events),
        ("hogs", all.hogs),
        ("accept_errors", accept_errors),
        ("stacks_mapped", stacks.mapped as u64),
        ("stacks_taken", stacks.taken as u64),
        ("stacks_cached", (stacks.returned + stacks.warm + stacks.cold) as u64),
    ]
}

pub(super) fn metrics(is_json: bool) -> String {
    let diag::Metrics { runtimes, green_threads: all, accept_errors, .. } = diag::metrics();
    let figures = figures(&all, runtimes, accept_errors);
    let parked = diag::parked();
    // None in a sandbox that refuses it.
    let memory = diag::stack_memory().ok();
    let bytes = |memory: StackMemory| {
        let StackMemory { mapped_bytes, resident_bytes, deepest_bytes, .. } = memory;
        [
            ("stack_bytes_mapped", mapped_bytes),
            ("stack_bytes_resident", resident_bytes),
            ("stack_bytes_deepest", deepest_bytes),
        ]
    };
    let histograms = [("slices", &all.slices), ("run_delays", &all.run_delays)];
    if is_json {
        let mut json = String::new();
        object(&mut json, |fields| {
            figures.iter().for_each(|(name, value)| fields.number(name, value));
            for (name, value) in memory.map(bytes).into_iter().flatten() {
                fields.number(name, value);
            }
            object(fields.key("parked"), |fields| {
                parked.iter().for_each(|(call, count)| fields.number(call, count));
            });
            for (name, histogram) in histograms {
                object(fields.key(name), |fields| write_histogram(fields, histogram));
            }
        });
        return json;
    }
    let figures = figures.iter().map(|(name, value)| format!("{name:24} {value}"));
    let memory = memory.map(bytes).into_iter().flatten();
    let memory = memory.map(|(name, value)| format!("{name:24} {value}"));
    let parked =
        parked.iter().map(|(call, count)| format!("{:24} {count}", format!("parked in {call}")));
    let histograms = histograms.map(|(name, histogram)| format!("{name:24} {}", times(histogram)));
    figures.chain(memory).chain(parked).chain(histograms).collect::<Vec<_>>().join("\n")
}

pub(super) fn pools(is_json: bool) -> String {
    let pools = blocking::pools();
    if !is_json {
        let lines: Vec<String> = pools.iter().map(pool).collect();
        return if lines.is_empty() { "no pools".into() } else { lines.join("\n") };
    }
    let mut json = String::new();
    list(&mut json, pools, |json, pool| {
        object(json, |fields| {
            fields.text("name", Some(&pool.name));
            fields.number("threads", pool.statistics.threads);
            fields.number("max_threads", pool.max_threads);
            fields.number("idle", pool.statistics.idle);
            fields.number("queued", pool.statistics.queued);
            fields.number("running", pool.statistics.running);
            fields.number("calling", pool.statistics.calling);
            fields.number("done", pool.statistics.done);
            object(fields.key("waits"), |fields| write_histogram(fields, &pool.waits));
        });
    });
    json
}

fn pool(pool: &PoolReport) -> String {
    let PoolReport { name, statistics: it, max_threads, waits } = pool;
    format!(
        "'{name}': {} of {max_threads} threads, {} idle; {} jobs run, {} queued, {} done; waits: \
         {}",
        it.threads,
        it.idle,
        it.running,
        it.queued,
        it.done,
        times(waits),
    )
}

fn times(histogram: &Histogram) -> String {
    let quantile = |share| histogram.quantile(share).unwrap_or_default();
    format!(
        "{} counted, 50 % {:?}, 99 % {:?}, longest {:?}",
        histogram.count(),
        quantile(0.5),
        quantile(0.99),
        histogram.longest(),
    )
}

fn write_histogram(fields: &mut Fields<'_>, histogram: &Histogram) {
    fields.number("count", histogram.count());
    fields.time("sum_ms", Some(histogram.sum()));
    fields.time("p50_ms", histogram.quantile(0.5));
    fields.time("p99_ms", histogram.quantile(0.99));
    fields.time("longest_ms", Some(histogram.longest()));
    fields.list("buckets", histogram.buckets(), |json, (bound, count)| {
        object(json, |fields| {
            fields.time("up_to_ms", bound);
            fields.number("count", count);
        });
    });
}
