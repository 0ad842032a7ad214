//! A panic that nobody joins is reported once, with the green thread's name and spawn site.

use crate::child;
use crate::flavour::on_workers;
use greenstd::thread;
use std::fmt;
use std::fs::File;
use std::panic;
use std::process::Output;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

const WORDS: &str = "panicked and nobody joined it";

/// The lines of the child's standard error that are reports.
fn reports(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}: {}", output.status, child::text(&output.stderr));
    let stderr = child::text(&output.stderr);
    stderr.lines().filter(|line| line.contains(WORDS)).map(String::from).collect()
}

/// Waits until all green threads of this worker that can run have run.
fn let_others_run() {
    (0..10).for_each(|_| thread::yield_now());
}

#[test]
fn it_has_name_site_and_message_if_the_handle_goes_before_the_end() {
    let output = child::run(|| {
        on_workers(1, || {
            let builder = thread::Builder::new().name("careless".into());
            drop(builder.spawn(|| panic!("the message")));
            let_others_run();
        });
    });
    let line = line!() - 4;
    let [report] = &reports(&output)[..] else { panic!("{output:?}") };
    let file = file!();
    let start = format!("green thread 'careless' (spawned at {file}:{line}:");
    assert!(report.starts_with(&start), "{report} and not {start}");
    assert!(report.ends_with(&format!("{WORDS}: the message")), "{report}");
}

#[test]
fn it_comes_as_well_if_the_handle_goes_after_the_end() {
    let output = child::run(|| {
        on_workers(1, || {
            let handle = thread::spawn(|| panic!("{} text", "formatted"));
            while !handle.is_finished() {
                thread::yield_now();
            }
            drop(handle);
        });
    });
    let [report] = &reports(&output)[..] else { panic!("{output:?}") };
    assert!(report.starts_with("green thread '<unnamed>' (spawned at "), "{report}");
    assert!(report.ends_with(": formatted text"), "{report}");
}

#[test]
fn it_comes_from_the_global_runtime_and_an_os_thread_too() {
    let output = child::run(|| {
        let handle = thread::spawn(|| panic::panic_any(17));
        while !handle.is_finished() {
            std::thread::yield_now();
        }
        drop(handle);
    });
    let [report] = &reports(&output)[..] else { panic!("{output:?}") };
    assert!(report.ends_with(": Box<dyn Any>"), "{report}");
}

#[test]
fn each_is_reported_once() {
    let output = child::run(|| {
        on_workers(2, || {
            for number in 0..50 {
                let builder = thread::Builder::new().name(format!("number-{number}."));
                drop(builder.spawn(|| panic::resume_unwind(Box::new("on purpose"))));
            }
        });
        on_workers(1, || {
            for number in 50..60 {
                let builder = thread::Builder::new().name(format!("number-{number}."));
                drop(builder.spawn(|| panic::resume_unwind(Box::new("on purpose"))));
                let_others_run();
            }
        });
    });
    let reports = reports(&output);
    for number in 0..60 {
        let name = format!("'number-{number}.'");
        let count = reports.iter().filter(|report| report.contains(&name)).count();
        // What the end of the runtime has kept from starting has nothing to report.
        assert!(count == 1 || number < 50 && count == 0, "{count} reports of {name}");
    }
}

#[test]
fn neither_a_joined_panic_nor_a_kill_is_reported() {
    let output = child::run(|| {
        on_workers(2, || {
            assert!(thread::spawn(|| panic!("joined")).join().is_err());
            let payload = panic::catch_unwind(|| {
                thread::scope(|scope| {
                    scope.spawn(|| panic!("in a scope"));
                });
            });
            assert!(payload.is_err());
            for _ in 0..10 {
                thread::spawn(|| thread::spawn(thread::park).join().unwrap());
            }
            let_others_run();
        });
    });
    assert_eq!(reports(&output), [] as [String; 0]);
}

#[test]
fn a_destructor_of_a_result_that_panics_is_reported() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the destructor");
        }
    }
    let output = child::run(|| {
        on_workers(1, || {
            drop(thread::Builder::new().name("bomber".into()).spawn(|| Bomb));
            let_others_run();
        });
    });
    let [report] = &reports(&output)[..] else { panic!("{output:?}") };
    assert!(report.contains("'bomber'") && report.ends_with("in the destructor"), "{report}");
}

#[test]
fn a_report_that_nobody_can_read_ends_nothing() {
    let body = || {
        on_workers(1, || {
            drop(thread::spawn(|| panic::resume_unwind(Box::new("unread"))));
            let_others_run();
            assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
        });
    };
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = child::prepare(body).stderr(full).output();
    assert!(output.status.success(), "{}", output.status);
}

/// A subscriber that keeps what it is told.
#[derive(Clone, Default)]
struct Listener {
    heard: Arc<Mutex<Vec<String>>>,
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Fields(String);
        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.0 += &format!("{field}={value:?};");
            }
        }
        let mut fields = Fields(format!("{};", event.metadata().level()));
        event.record(&mut fields);
        self.heard.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_subscriber_hears_it_instead() {
    let output = child::run(|| {
        let listener = Listener::default();
        tracing::subscriber::set_global_default(listener.clone()).unwrap();
        on_workers(1, || {
            let builder = thread::Builder::new().name("heard".into());
            drop(builder.spawn(|| panic::resume_unwind(Box::new("the message"))));
            let_others_run();
        });
        let heard = listener.heard.lock().unwrap();
        let reports: Vec<_> = heard.iter().filter(|event| event.contains(WORDS)).collect();
        let [report] = &reports[..] else { panic!("{heard:?}") };
        for part in ["ERROR;", "name=\"heard\";", file!(), "the message"] {
            assert!(report.contains(part), "{report} does not say {part}");
        }
    });
    assert_eq!(reports(&output), [] as [String; 0]);
}

#[test]
fn a_subscriber_of_another_thread_does_not_swallow_it() {
    let output = child::run(|| {
        tracing::subscriber::with_default(Listener::default(), || {
            on_workers(1, || {
                drop(thread::spawn(|| panic::resume_unwind(Box::new("elsewhere"))));
                let_others_run();
            });
        });
    });
    assert_eq!(reports(&output).len(), 1);
}
