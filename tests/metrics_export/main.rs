//! Our figures by way of the crate `metrics`.

use greenstd::diag::{self, Exporter};
use greenstd::{runtime, thread};
use metrics_util::CompositeKey;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The figures that a recorder has, by name, and by the name of the pool where there is one.
fn figures(snapshotter: &Snapshotter) -> HashMap<String, DebugValue> {
    let name = |key: &CompositeKey| {
        let pool = key
            .key()
            .labels()
            .next()
            .map_or(String::new(), |label| format!("{{{}={}}}", label.key(), label.value()));
        format!("{}{pool}", key.key().name())
    };
    let all = snapshotter.snapshot().into_vec();
    all.into_iter().map(|(key, _, _, value)| (name(&key), value)).collect()
}

fn counter(figures: &HashMap<String, DebugValue>, name: &str) -> u64 {
    match figures.get(name) {
        Some(DebugValue::Counter(count)) => *count,
        other => panic!("{name}: {other:?}"),
    }
}

fn histogram(figures: &HashMap<String, DebugValue>, name: &str) -> Vec<f64> {
    match figures.get(name) {
        Some(DebugValue::Histogram(values)) => values.iter().map(|value| value.0).collect(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn an_exporter_tells_what_the_snapshot_has() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = runtime::Builder::new().workers(1).statistics(true).build().unwrap();
    runtime.run(|| (0..100).for_each(|_| thread::yield_now()));
    let pool = greenstd::blocking::Builder::new().name("exported").build();
    pool.run(|| ());
    // Both are counted a moment after whoever has waited for them goes on.
    let start = Instant::now();
    while runtime.metrics().switches <= 100 || pool.statistics().done != 1 {
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", runtime.metrics());
        std::thread::sleep(Duration::from_millis(1));
    }
    metrics::with_local_recorder(&recorder, || {
        let mut exporter = Exporter::new();
        let before = diag::metrics().green_threads;
        exporter.record();
        let after = diag::metrics().green_threads;
        let seen = figures(&snapshotter);
        let spawned = counter(&seen, "greenstd_spawned_total");
        assert!((before.spawned..=after.spawned).contains(&spawned));
        assert!(counter(&seen, "greenstd_switches_total") >= 100);
        assert_eq!(counter(&seen, "greenstd_pool_done_total{pool=exported}"), 1);
        let slices = histogram(&seen, "greenstd_slice_seconds");
        assert!(slices.len() >= 100, "{}", slices.len());
        assert!(slices.iter().all(|&seconds| (0.0..10.0).contains(&seconds)));
        // What was told is not told again.
        runtime.run(|| (0..10).for_each(|_| thread::yield_now()));
        exporter.record();
        let news = histogram(&figures(&snapshotter), "greenstd_slice_seconds");
        assert!((10..60).contains(&news.len()), "{}", news.len());
    });
}

#[test]
fn a_green_thread_exports_until_it_is_told_to_stop() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    recorder.install().unwrap();
    let runtime = runtime::Builder::new().workers(1).build().unwrap();
    runtime.run(move || {
        let exporting = diag::export_metrics(Duration::from_millis(5)).unwrap();
        let start = Instant::now();
        let mut last = 0;
        for _ in 0..3 {
            loop {
                thread::sleep(Duration::from_millis(1));
                let seen = figures(&snapshotter);
                let has_told = matches!(
                    seen.get("greenstd_switches_total"),
                    Some(DebugValue::Counter(now)) if *now > last
                );
                if has_told {
                    last = counter(&seen, "greenstd_switches_total");
                    break;
                }
                assert!(start.elapsed() < Duration::from_secs(10), "{seen:?}");
            }
        }
        exporting.stop();
        drop(diag::export_metrics(Duration::from_secs(1000)).unwrap());
        // That one ends, too.
        assert!(runtime::wait_idle(Duration::from_secs(10)));
    });
}

fn parked(figures: &HashMap<String, DebugValue>) -> f64 {
    match figures.get("greenstd_parked{call=Barrier::wait}") {
        Some(DebugValue::Gauge(count)) => count.0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn those_who_are_parked_are_told_by_their_calls_until_there_are_none() {
    const COUNT: usize = 300;
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = runtime::Builder::new().workers(2).build().unwrap();
    let barrier = std::sync::Arc::new(greenstd::sync::Barrier::new(COUNT + 1));
    let waiting = barrier.clone();
    runtime.run(move || {
        for _ in 0..COUNT {
            let barrier = waiting.clone();
            thread::spawn(move || barrier.wait());
        }
    });
    let start = Instant::now();
    while diag::parked().get("Barrier::wait") != Some(&COUNT) {
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", diag::parked());
        std::thread::sleep(Duration::from_millis(1));
    }
    metrics::with_local_recorder(&recorder, || {
        let mut exporter = Exporter::new();
        exporter.record();
        assert_eq!(parked(&figures(&snapshotter)), COUNT as f64);
        barrier.wait();
        runtime.shutdown();
        exporter.record();
        assert_eq!(parked(&figures(&snapshotter)), 0.0);
    });
}
