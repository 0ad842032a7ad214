//! Spare workers come when all others are held, and leave.

use crate::child;
use crate::flavour::Watchdog;
use crate::scene::{PATIENCE, block, builder, runtime, spin, threads_named, wait_until};
use greenstd::poller::{self, Event, Events, PollFd, PollFlags, Poller};
use greenstd::runtime::Runtime;
use greenstd::sync::mpsc;
use greenstd::thread::{self, JoinHandle, ThreadLocals};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What nobody is meant to wait out.
const FOR_LONG: Duration = Duration::from_secs(60);

/// Sleeps for a moment, as somebody who has to be served.
fn is_served(runtime: &Runtime) {
    let start = Instant::now();
    runtime.spawn(|| thread::sleep(Duration::from_millis(1))).join().unwrap();
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn spare_workers_come_when_all_are_held_and_leave_afterwards() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(1, "come");
    for _ in 0..2 {
        let is_over = Arc::new(AtomicBool::new(false));
        let hogs: Vec<_> = (0..3)
            .map(|_| {
                let is_over = is_over.clone();
                runtime.spawn(move || {
                    while !is_over.load(Ordering::Acquire) {
                        block(Duration::from_millis(1000));
                    }
                })
            })
            .collect();
        wait_until("spare workers", || {
            is_served(&runtime);
            threads_named("come-spare") >= 3
        });
        assert_eq!(runtime.worker_count(), 1);
        is_over.store(true, Ordering::Release);
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
        wait_until("their leaving", || threads_named("come-spare") == 0);
        is_served(&runtime);
    }
}

#[test]
fn there_are_no_more_spare_workers_than_the_builder_allows() {
    let _watchdog = Watchdog::new();
    let runtime = builder(1, "bound").spare_workers(2).build().unwrap();
    let hogs: Vec<_> =
        (0..6).map(|_| runtime.spawn(|| block(Duration::from_millis(400)))).collect();
    let start = Instant::now();
    let mut most = 0;
    while !hogs.iter().all(|hog| hog.is_finished()) {
        most = most.max(threads_named("bound-spare"));
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(most, 2);
}

#[test]
fn without_green_threads_of_their_own_thread_locals_there_is_no_sentry() {
    let _watchdog = Watchdog::new();
    let runtime = builder(2, "plain").thread_locals(ThreadLocals::Worker).build().unwrap();
    runtime.run(|| {
        let hogs: Vec<_> =
            (0..2).map(|_| thread::spawn(|| block(Duration::from_millis(100)))).collect();
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
    });
    assert_eq!((threads_named("plain-sentry"), threads_named("plain-spare")), (0, 0));
    runtime.run(|| {
        let own = thread::Builder::new().thread_locals(ThreadLocals::Own);
        own.spawn(|| ()).unwrap().join().unwrap();
    });
    assert_eq!((threads_named("plain-sentry"), threads_named("plain-spare")), (1, 0));
}

/// Waits until there is something to read; whether there is.
type Way = fn(PipeReader) -> io::Result<bool>;

/// The ways in which a green thread can wait for a descriptor that is not of this library.
fn ways_to_wait() -> impl Iterator<Item = Way> {
    let ways: [Way; 4] = [
        |reader| greenstd::wait_readable(&reader, Some(Instant::now() + FOR_LONG)).map(|()| true),
        |reader| {
            let mut fds = [PollFd::new(&reader, PollFlags::IN)];
            Ok(poller::poll(&mut fds, Some(FOR_LONG))? == 1)
        },
        |reader| {
            let poller = Poller::new()?;
            poller.add(&reader, Event::readable(1))?;
            Ok(poller.wait(&mut Events::new(), Some(FOR_LONG))? == 1)
        },
        |reader| {
            greenstd::select! {
                wait(greenstd::select::readable(&reader)) -> outcome => outcome.map(|()| true),
                recv(greenstd::channel::after(FOR_LONG)) -> _ => Ok(false),
            }
        },
    ];
    ways.into_iter()
}

/// Has a green thread wait in that way for something that is to be written.
fn hears(runtime: &Runtime, wait: Way) -> (JoinHandle<bool>, PipeWriter) {
    let (reader, writer) = io::pipe().unwrap();
    (runtime.spawn(move || wait(reader).unwrap()), writer)
}

/// Who waits with a spare worker that leaves goes on elsewhere.
#[test]
fn nobody_who_waits_on_a_spare_worker_is_forgotten_when_it_leaves() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(1, "leave");
    let (begun, has_begun) = std::sync::mpsc::channel();
    let hog = runtime.spawn(move || {
        begun.send(()).unwrap();
        block(Duration::from_millis(400));
    });
    has_begun.recv().unwrap();
    // These begin to wait beside the hog, so on a spare worker.
    let sleeper = runtime.spawn(|| {
        let start = Instant::now();
        thread::sleep(Duration::from_millis(3000));
        start.elapsed()
    });
    let (listener, address) = runtime.run(|| {
        let listener = greenstd::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    });
    let accepted = runtime.spawn(move || listener.accept().is_ok());
    let (told, writers): (Vec<_>, Vec<_>) =
        ways_to_wait().map(|wait| hears(&runtime, wait)).unzip();
    wait_until("a spare worker", || threads_named("leave-spare") > 0);
    hog.join().unwrap();
    wait_until("its leaving", || threads_named("leave-spare") == 0);
    let _client = std::net::TcpStream::connect(address).unwrap();
    assert!(accepted.join().unwrap());
    let written = Instant::now();
    for mut writer in writers {
        writer.write_all(b"!").unwrap();
    }
    for (way, told) in told.into_iter().enumerate() {
        assert!(told.join().unwrap(), "way {way}");
        assert!(written.elapsed() < PATIENCE, "way {way} heard of the end of its wait only");
    }
    let slept = sleeper.join().unwrap();
    assert!(slept >= Duration::from_secs(3) && slept < PATIENCE, "{slept:?}");
}

/// What shares its worker's thread-locals is run by a spare worker rather than not at all, and
/// keeps it for as long as it lives.
#[test]
fn a_spare_worker_stays_for_a_pinned_green_thread() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(1, "stay");
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (release, held) = mpsc::channel::<()>();
    let hog = runtime.spawn(move || {
        let pinned = thread::Builder::new().thread_locals(ThreadLocals::Worker);
        let pinned = pinned.spawn(move || held.recv().is_ok()).unwrap();
        begun.send(()).unwrap();
        block(Duration::from_millis(500));
        pinned
    });
    has_begun.recv().unwrap();
    wait_until("a spare worker", || threads_named("stay-spare") > 0);
    let pinned = hog.join().unwrap();
    // Long enough for a spare worker that may leave to do it.
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(threads_named("stay-spare"), 1);
    release.send(()).unwrap();
    assert!(pinned.join().unwrap());
    wait_until("its leaving", || threads_named("stay-spare") == 0);
}

/// C75
#[test]
fn a_hog_on_a_spare_worker_is_reported_too() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let monitor = greenstd::runtime::Monitor::new().threshold(Duration::from_millis(100));
        let runtime = builder(1, "report").monitor(monitor).build().unwrap();
        let hogs: Vec<_> =
            (0..2).map(|_| runtime.spawn(|| block(Duration::from_millis(700)))).collect();
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
        assert_eq!(runtime.monitor_statistics().unwrap().stalls, 2);
    });
}

#[test]
fn hogs_run_side_by_side() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(1, "side");
    let inside = Arc::new(AtomicUsize::new(0));
    let hogs: Vec<_> = (0..4)
        .map(|_| {
            let inside = inside.clone();
            runtime.spawn(move || {
                inside.fetch_add(1, Ordering::AcqRel);
                let start = Instant::now();
                while inside.load(Ordering::Acquire) < 4 {
                    assert!(start.elapsed() < PATIENCE, "each waits for all others");
                    spin(Duration::from_millis(1));
                }
            })
        })
        .collect();
    hogs.into_iter().for_each(|hog| hog.join().unwrap());
}
