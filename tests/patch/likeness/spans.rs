//! The spans of `tracing` nest in the thread that enters them.
//!
//! `tracing-subscriber` keeps the stack of spans that a thread is in in a thread-local.

use super::{MOMENT, Symptom, always};
use crate::kind::Kind;
use std::sync::{Arc, Mutex};
use std::thread;
use tracing::span::{Attributes, Id};
use tracing::{Level, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// A span's name, and that of the one that it is in.
type Parent = (&'static str, Option<&'static str>);

/// Notes the parent of each span.
#[derive(Clone, Default)]
struct Parents(Arc<Mutex<Vec<Parent>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Parents {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).expect("it is just being made");
        let parent = span.parent().map(|parent| parent.name());
        self.0.lock().unwrap().push((attributes.metadata().name(), parent));
    }
}

fn two_are_in_spans_at_once(kind: Kind) {
    let parents = Parents::default();
    let subscriber = tracing_subscriber::registry().with(parents.clone());
    tracing::subscriber::set_global_default(subscriber).expect("a child has one test");
    let first = kind.spawn(|| {
        let _outer = span!(Level::ERROR, "first").entered();
        thread::sleep(2 * MOMENT);
        let _inner = span!(Level::ERROR, "in first").entered();
        thread::sleep(2 * MOMENT);
    });
    let second = kind.spawn(|| {
        thread::sleep(MOMENT);
        let outer = span!(Level::ERROR, "second").entered();
        thread::sleep(2 * MOMENT);
        let inner = span!(Level::ERROR, "in second").entered();
        thread::sleep(2 * MOMENT);
        drop((inner, outer));
        drop(span!(Level::ERROR, "alone"));
    });
    [first, second].into_iter().for_each(|thread| thread.join().unwrap());
    let mut parents = parents.0.lock().unwrap().clone();
    parents.sort_unstable();
    let expected = [
        ("alone", None),
        ("first", None),
        ("in first", Some("first")),
        ("in second", Some("second")),
        ("second", None),
    ];
    assert_eq!(parents, expected, "spans of different threads are nested");
}

like_a_thread!(
    two_are_in_spans_at_once,
    always,
    on shared Symptom::Says("spans of different threads are nested")
);
