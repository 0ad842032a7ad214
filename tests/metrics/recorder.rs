//! A subscriber that notes down who is in which spans when something is said, and that every span
//! is left where it was entered.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::ThreadId;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// What was said, and in which spans, the outermost first. Spans are named by their field `who`, or
/// by their name.
#[derive(Clone, Debug)]
pub struct Said {
    pub text: String,
    pub spans: Vec<String>,
}

#[derive(Default)]
struct Notes {
    said: Vec<Said>,
    names: HashMap<u64, String>,
    /// Entered and not left, by OS thread.
    inside: HashMap<ThreadId, Vec<u64>>,
    faults: Vec<String>,
    entered: u64,
    closed: Vec<String>,
}

/// The recorder of this process.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Notes>>);

thread_local! {
    /// Seen by the layer with the thread-locals of whoever calls it.
    static MINE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Recorder {
    /// That which hears all threads of this process; made once.
    pub fn everywhere() -> Recorder {
        static RECORDER: OnceLock<Recorder> = OnceLock::new();
        let make = || {
            let recorder = Recorder::default();
            let subscriber = Registry::default().with(recorder.clone());
            tracing::subscriber::set_global_default(subscriber).unwrap();
            recorder
        };
        RECORDER.get_or_init(make).clone()
    }

    /// What was said that begins so.
    pub fn said(&self, start: &str) -> Vec<Said> {
        let notes = self.0.lock().unwrap();
        notes.said.iter().filter(|said| said.text.starts_with(start)).cloned().collect()
    }

    /// Spans that were left by another thread than has entered them, or out of their order.
    pub fn faults(&self) -> Vec<String> {
        self.0.lock().unwrap().faults.clone()
    }

    pub fn entered(&self) -> u64 {
        self.0.lock().unwrap().entered
    }

    pub fn has_closed(&self, name: &str) -> bool {
        self.0.lock().unwrap().closed.iter().any(|closed| closed == name)
    }
}

/// A span that it makes for nobody.
pub const REFUSED: &str = "a span that is refused";

#[derive(Default)]
struct Texts(HashMap<&'static str, String>);

impl Visit for Texts {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, _: Context<'_, S>) {
        let mut texts = Texts::default();
        attributes.record(&mut texts);
        let named = texts.0.remove("who").or_else(|| texts.0.remove("name"));
        let name = named.unwrap_or_else(|| attributes.metadata().name().to_owned());
        assert_ne!(name, REFUSED, "by this subscriber");
        self.0.lock().unwrap().names.insert(id.into_u64(), name);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut texts = Texts::default();
        event.record(&mut texts);
        let Some(text) = texts.0.remove("message") else { return };
        let ids: Vec<u64> = context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
            .map(|span| span.id().into_u64())
            .collect();
        let mut notes = self.0.lock().unwrap();
        let spans = ids.iter().map(|id| notes.names[id].clone()).collect();
        notes.said.push(Said { text, spans });
    }

    fn on_enter(&self, id: &span::Id, _: Context<'_, S>) {
        MINE.with_borrow_mut(|mine| mine.push(id.into_u64()));
        let mut notes = self.0.lock().unwrap();
        notes.entered += 1;
        notes.inside.entry(std::thread::current().id()).or_default().push(id.into_u64());
    }

    fn on_exit(&self, id: &span::Id, _: Context<'_, S>) {
        let mine = MINE.with_borrow_mut(Vec::pop);
        if mine != Some(id.into_u64()) {
            let fault = format!("left {id:?} where {mine:?} was entered");
            self.0.lock().unwrap().faults.push(fault);
        }
    }

    fn on_close(&self, id: span::Id, _: Context<'_, S>) {
        let mut notes = self.0.lock().unwrap();
        let name = notes.names[&id.into_u64()].clone();
        notes.closed.push(name);
    }
}
