//! A layer that adds up how long spans were entered and how long they were not, by the name of the
//! green thread.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// What is known of all spans of one name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    pub ended: u64,
    pub slices: u64,
    pub busy: Duration,
    pub idle: Duration,
}

/// The layer.
#[derive(Clone, Debug, Default)]
pub struct BusyTimes(Arc<Mutex<BTreeMap<String, Line>>>);

/// What one span has of it.
struct Timing {
    name: String,
    changed: Instant,
}

#[derive(Default)]
struct Name(Option<String>);

impl Visit for Name {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "name" {
            self.0 = Some(value.to_owned());
        }
    }
}

impl BusyTimes {
    pub fn lines(&self) -> BTreeMap<String, Line> {
        self.0.lock().expect("nothing panics under it").clone()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Line)) {
        let mut lines = self.0.lock().expect("nothing panics under it");
        change(lines.entry(name.to_owned()).or_default());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for BusyTimes {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut name = Name::default();
        attributes.record(&mut name);
        let name = name.0.unwrap_or_else(|| attributes.metadata().name().to_owned());
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Timing { name, changed: Instant::now() });
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.switch(id, &context, |line, idle| {
            line.idle += idle;
            line.slices += 1;
        });
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.switch(id, &context, |line, busy| line.busy += busy);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.switch(&id, &context, |line, _| line.ended += 1);
    }
}

impl BusyTimes {
    fn switch<S: Subscriber + for<'a> LookupSpan<'a>>(
        &self,
        id: &Id,
        context: &Context<'_, S>,
        change: impl FnOnce(&mut Line, Duration),
    ) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(timing) = extensions.get_mut::<Timing>() else { return };
        let now = Instant::now();
        let passed = now - std::mem::replace(&mut timing.changed, now);
        self.change(&timing.name, |line| change(line, passed));
    }
}
