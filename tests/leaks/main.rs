//! Laws of leak reports: who outlives a runtime is named, where that is asked for.

#[allow(dead_code, unused_macros, reason = "of the flavours, only the watchdog is used")]
#[path = "../common/flavour.rs"]
mod flavour;

use flavour::Watchdog;
use greenstd::runtime::{Builder, LivingThread, ThreadLocals};
use greenstd::sync::{Event, Semaphore};
use greenstd::time::Duration;
use greenstd::{channel, thread};
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata};

/// What was said, by a subscriber of the calling OS thread.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(Level, String)>>>);

impl tracing::Subscriber for Heard {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push((*event.metadata().level(), message.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.into())
}

/// What `shutdown_listing` finds after `body` has run on so many workers.
fn left_behind(workers: usize, body: impl FnOnce() + Send + 'static) -> Vec<LivingThread> {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(workers).build().unwrap();
    runtime.run(body);
    runtime.shutdown_listing()
}

#[test]
fn each_kind_of_green_thread_is_listed_with_its_site() {
    for workers in [1, 2] {
        let first = line!() + 1;
        let leaks = left_behind(workers, || {
            let (sender, receiver) = channel::bounded(0);
            let waits = move || {
                sender.send(()).unwrap();
                Semaphore::new(0).acquire();
            };
            named("pinned").spawn(waits.clone()).unwrap();
            named("local").spawn_local(waits.clone()).unwrap();
            if ThreadLocals::Own.is_supported() {
                named("free").thread_locals(ThreadLocals::Own).spawn(waits).unwrap();
                receiver.recv().unwrap();
            }
            receiver.recv().unwrap();
            receiver.recv().unwrap();
            named("late").spawn_later(Duration::from_secs(3600), || ()).unwrap();
            named("done").spawn(|| ()).unwrap().join().unwrap();
        });
        let lines = first..first + 18;
        let is_here = |leak: &LivingThread| {
            leak.spawned_at().file() == file!() && lines.contains(&leak.spawned_at().line())
        };
        assert!(leaks.iter().all(is_here), "{leaks:?}");
        let mut names: Vec<_> = leaks.iter().map(|leak| leak.name().unwrap()).collect();
        names.sort_unstable();
        let mut expected = vec!["late", "local", "pinned"];
        if ThreadLocals::Own.is_supported() {
            expected.insert(0, "free");
        }
        assert_eq!(names, expected, "with {workers} workers");
        for leak in &leaks {
            let text = leak.to_string();
            assert!(text.contains(&format!("spawned at {}", leak.spawned_at())), "{text}");
            if leak.name() == Some("late") {
                assert!(!leak.is_started() && text.ends_with("has not started"), "{text}");
            }
        }
    }
}

#[test]
fn a_waiting_one_says_in_what_it_waits() {
    let leaks = left_behind(1, || {
        let ready = Arc::new(Event::new());
        let told = ready.clone();
        thread::spawn(move || {
            told.set();
            Semaphore::new(0).acquire();
        });
        ready.wait();
        // With one worker it has gone on to its wait by the time that this one ends.
        thread::yield_now();
    });
    assert_eq!(leaks.len(), 1);
    assert!(leaks[0].is_parked());
    assert_eq!(leaks[0].waits_in(), Some("Semaphore::acquire"));
}

#[test]
fn what_never_started_is_listed_too() {
    let leaks = left_behind(1, || {
        (0..5).for_each(|_| drop(named("unborn").spawn(|| ()).unwrap()));
        // No wait: the only worker ends this one first.
    });
    // The runtime may be closed before or after they have had their turn.
    assert!(leaks.iter().all(|leak| leak.name() == Some("unborn")));
    assert!(leaks.len() <= 5);
}

#[test]
fn nobody_left_means_no_report() {
    for workers in [1, 2] {
        let leaks = left_behind(workers, || {
            let threads: Vec<_> = (0..100).map(|_| thread::spawn(thread::yield_now)).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        assert!(leaks.is_empty(), "{leaks:?}");
    }
}

#[test]
fn report_is_a_warning_that_names_each_and_comes_only_if_asked_for() {
    let _watchdog = Watchdog::new();
    let heard_of = |builder: Builder| -> io::Result<Vec<(Level, String)>> {
        let heard = Heard::default();
        let guard = tracing::subscriber::set_default(heard.clone());
        let runtime = builder.workers(1).build()?;
        runtime.run(|| drop(named("forgotten").spawn(thread::park).unwrap()));
        runtime.shutdown();
        drop(guard);
        let heard = heard.0.lock().unwrap().clone();
        Ok(heard.into_iter().filter(|(_, text)| text.contains("outlived")).collect())
    };
    assert!(heard_of(Builder::new()).unwrap().is_empty());
    let heard = heard_of(Builder::new().report_leaks(true)).unwrap();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0].0, Level::WARN);
    assert!(heard[0].1.contains("'forgotten' (spawned at"), "{heard:?}");
    assert!(heard[0].1.contains(file!()), "{heard:?}");
}
