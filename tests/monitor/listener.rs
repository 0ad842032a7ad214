//! A subscriber that keeps the reports of stalls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// What a report says, by field.
pub type Report = BTreeMap<&'static str, String>;

/// The reports of this process.
#[derive(Clone, Default)]
pub struct Listener {
    heard: Arc<Mutex<Vec<Report>>>,
}

impl Listener {
    /// Makes one that hears all threads of this process.
    pub fn everywhere() -> Listener {
        let listener = Listener::default();
        tracing::subscriber::set_global_default(listener.clone()).unwrap();
        listener
    }

    pub fn reports(&self) -> Vec<Report> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until there are so many reports, and returns them.
    pub fn wait_for(&self, count: usize) -> Vec<Report> {
        let start = Instant::now();
        loop {
            let reports = self.reports();
            if reports.len() >= count {
                return reports;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{reports:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

struct Fields<'r>(&'r mut Report);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut report = Report::new();
        event.record(&mut Fields(&mut report));
        if report.get("message").is_some_and(|text| text == "green thread holds its worker") {
            assert_eq!(*event.metadata().level(), Level::WARN);
            self.heard.lock().unwrap().push(report);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
