//! No green thread is ever in the span of another one.

use crate::flavour::Watchdog;
use crate::recorder::Recorder;
use greenstd::runtime::{self, ThreadLocals};
use greenstd::thread::{self, Builder};
use std::time::Duration;

/// Runs green threads side by side which say who they are at every turn, while spans of their own
/// and guards around their waits come and go; every third one has no span.
fn crowd(workers: usize, thread_locals: ThreadLocals, round: &'static str) {
    const TURNS: usize = 20;
    let _watchdog = Watchdog::new();
    let recorder = Recorder::everywhere();
    let builder = runtime::Builder::new().workers(workers).thread_locals(thread_locals);
    let runtime = builder.build().unwrap();
    runtime.run(move || {
        let handles: Vec<_> = (0..30)
            .map(|number| {
                let name = format!("{round}-{number}");
                let own = name.clone();
                let has_span = number % 3 > 0;
                let body = move || {
                    for turn in 0..TURNS {
                        tracing::info!("{round} {own}: 0");
                        if has_span && turn % 2 == 0 {
                            let guard =
                                tracing::info_span!("held", who = format!("{own}+")).entered();
                            wait(number + turn);
                            tracing::info!("{round} {own}: 1");
                            let inner =
                                tracing::info_span!("held", who = format!("{own}++")).entered();
                            wait(turn);
                            tracing::info!("{round} {own}: 2");
                            drop(inner);
                            drop(guard);
                        }
                        wait(number);
                        tracing::info!("{round} {own}: 0");
                    }
                };
                Builder::new().name(name).span(has_span).spawn(body).unwrap()
            })
            .collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
    let said = recorder.said(&format!("{round} "));
    assert_eq!(said.len(), 30 * TURNS * 2 + 20 * TURNS / 2 * 2);
    for said in &said {
        let (who, depth) = said.text.trim_start_matches(round).trim().split_once(": ").unwrap();
        let number: usize = who.rsplit('-').next().unwrap().parse().unwrap();
        let expected: Vec<String> = match (number % 3, depth) {
            (0, _) => Vec::new(),
            (_, "0") => vec![who.into()],
            (_, "1") => vec![who.into(), format!("{who}+")],
            _ => vec![who.into(), format!("{who}+"), format!("{who}++")],
        };
        assert_eq!(said.spans, expected, "{}", said.text);
    }
    assert_eq!(recorder.faults(), Vec::<String>::new());
    assert!(recorder.entered() > 0);
}

/// Waits in one of several ways.
fn wait(way: usize) {
    match way % 4 {
        0 => thread::yield_now(),
        1 => thread::sleep(Duration::from_micros(200)),
        2 => {
            thread::spawn(|| ()).join().unwrap();
        }
        _ => {
            thread::current().unpark();
            thread::park();
            thread::yield_now();
        }
    }
}

#[test]
fn neighbours_on_one_worker_never_share_spans() {
    crowd(1, ThreadLocals::Worker, "pinned-1");
}

#[test]
fn neighbours_on_several_workers_never_share_spans() {
    crowd(3, ThreadLocals::Worker, "pinned-3");
}

#[test]
fn with_thread_locals_of_their_own_they_do_not_either() {
    if ThreadLocals::Own.is_supported() {
        crowd(1, ThreadLocals::Own, "own-1");
        crowd(3, ThreadLocals::Own, "own-3");
    }
}
