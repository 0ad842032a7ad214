//! What is said of a deadlock, and how `run` ends with it.

use crate::found::{runtime, wait_for_ever};
use crate::{Case, cases, text};
use greenstd::runtime::Deadlock;
use greenstd::thread;
use std::panic;
use std::process::Output;

pub(crate) const CASES: &[Case] = cases![
    run_panics_with_the_report => says_who_waits,
    the_payload_of_run_is_the_deadlock,
    the_text_names_everybody,
    a_long_list_is_cut,
    a_panic_of_main_is_its_own,
];

fn run_panics_with_the_report() {
    greenstd::run(|| {
        let other = thread::Builder::new().name("other".into()).spawn(wait_for_ever);
        other.unwrap().join().unwrap();
    });
}

const LINE: u32 = line!() - 6;

fn says_who_waits(output: &Output) {
    let words = text(&output.stderr);
    assert_eq!(output.status.code(), Some(101), "{words}");
    let (file, site) = (file!(), LINE);
    assert!(words.starts_with("deadlock: every green thread waits"), "{words}");
    let main = format!("'main' (spawned at {file}:{site}:5) waits in JoinHandle::join for ");
    assert!(words.contains(&main), "{words} and not {main}");
    let other = format!("'other' (spawned at {file}:{}:", site + 1);
    assert!(words.contains(&other), "{words} and not {other}");
    assert!(words.contains("waits in Semaphore::acquire\n"), "{words}");
    // The panic hook has its say, too: it tells where `run` was called.
    assert!(words.contains(&format!("panicked at {file}:{site}:5")), "{words}");
}

fn the_payload_of_run_is_the_deadlock() {
    panic::set_hook(Box::new(|_| ()));
    let payload = panic::catch_unwind(|| runtime(1).run(wait_for_ever)).unwrap_err();
    let deadlock = payload.downcast_ref::<Deadlock>().unwrap();
    assert_eq!(deadlock.threads().len(), 1);
}

fn the_text_names_everybody() {
    let error = runtime(2).try_run(|| {
        for name in ["one", "two", "three"] {
            thread::Builder::new().name(name.into()).spawn(wait_for_ever).unwrap();
        }
        thread::spawn(|| {
            let _ = greenstd::park::park();
        });
        thread::sleep(std::time::Duration::from_millis(10));
        thread::park();
    });
    let error = error.unwrap_err();
    let words = error.to_string();
    let lines: Vec<&str> = words.lines().collect();
    assert_eq!(lines[0], "deadlock: every green thread waits and nothing can wake one");
    assert_eq!(lines.len(), 6, "{words}");
    for (line, thread) in lines[1..].iter().zip(error.threads()) {
        let site = thread.spawned_at();
        let expected = format!(
            "'{}' (spawned at {site}) waits in {}",
            thread.name().unwrap_or("<unnamed>"),
            thread.waits_in().unwrap_or("park"),
        );
        assert!(line.ends_with(&expected), "{line} and not {expected}");
        assert_eq!(site.file(), file!());
    }
    for words in ["'main'", "'one'", "'two'", "'three'", "'<unnamed>'"] {
        assert!(lines.iter().any(|line| line.contains(words)), "{lines:?} without {words}");
    }
    assert!(lines[1].ends_with("waits in thread::park"), "{words}");
}

fn a_long_list_is_cut() {
    let error = runtime(2).try_run(|| {
        (0..1500).for_each(|_| drop(thread::spawn(wait_for_ever)));
        wait_for_ever();
    });
    let error = error.unwrap_err();
    assert_eq!(error.threads().len(), 1501);
    let words = error.to_string();
    assert_eq!(words.lines().count(), 1002);
    assert!(words.ends_with("\n  and 501 more"));
}

fn a_panic_of_main_is_its_own() {
    let main = || -> () { panic::resume_unwind(Box::new("its own")) };
    let payload = panic::catch_unwind(|| runtime(1).try_run(main)).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"its own"));
}
