//! A runtime does nothing to the process that was not asked for.

use crate::child;
use crate::flavour::Watchdog;
use greenstd::runtime::{Builder, Monitor};
use greenstd::thread;
use std::fs;
use std::time::Duration;

/// The signals that are blocked, ignored and caught, as the kernel tells them of the calling
/// thread: those of another one, which may just start a third, come and go.
fn signals() -> Vec<String> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let lines = status.lines().filter(|line| line.starts_with("Sig") || line.starts_with("ShdPnd"));
    // What is queued comes and goes.
    lines.filter(|line| !line.starts_with("SigQ")).map(str::to_owned).collect()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn descriptors() -> usize {
    // Less that of this very look.
    fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// Sets a panic hook, which is to stay. How often it was called.
fn count_panics() -> impl Fn() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        PANICS.fetch_add(1, Ordering::SeqCst);
    }));
    || PANICS.load(Ordering::SeqCst)
}

fn quiet() -> Builder {
    Builder::new().without_overflow_report().monitor(None)
}

#[test]
fn a_driven_runtime_has_no_thread_and_installs_nothing() {
    child::succeed(|| {
        let panics = count_panics();
        let (signals_before, threads_before) = (signals(), threads());
        let before = descriptors();
        // As it is by default, in every build.
        let runtime = Builder::new().build_driven().unwrap();
        let value = runtime.run_until(|| {
            let other = thread::spawn(|| thread::sleep(Duration::from_millis(2)));
            other.join().unwrap();
            assert!(thread::spawn(|| panic!("on purpose")).join().is_err());
            7
        });
        assert_eq!(value, 7);
        assert_eq!(panics(), 1);
        assert_eq!(signals(), signals_before);
        assert_eq!(threads(), threads_before);
        assert!(descriptors() <= before + 4, "an epoll set twice, a bell and an alarm");
        drop(runtime);
        assert_eq!(descriptors(), before);
        assert_eq!(signals(), signals_before);
    });
}

#[test]
fn a_runtime_with_threads_has_its_workers_and_installs_nothing() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let panics = count_panics();
        let (signals_before, threads_before, before) = (signals(), threads(), descriptors());
        let first = quiet().workers(1).build().unwrap();
        let second = quiet().workers(2).build().unwrap();
        for runtime in [&first, &second] {
            runtime.run(|| {
                assert!(thread::spawn(|| panic!("on purpose")).join().is_err());
                thread::spawn(|| thread::sleep(Duration::from_millis(2))).join().unwrap();
            });
        }
        assert_eq!(panics(), 2);
        assert_eq!(signals(), signals_before);
        assert_eq!(threads(), threads_before + 3);
        drop((first, second));
        assert_eq!(signals(), signals_before);
        assert_eq!(threads(), threads_before);
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn what_is_asked_for_is_installed() {
    child::succeed(|| {
        let (before, threads_before) = (signals(), threads());
        let runtime = Builder::new().with_overflow_report().build_driven().unwrap();
        let with_overflow = signals();
        // std has handlers for these signals, too: another one is in place of them.
        assert_eq!(with_overflow, before);
        assert_eq!(threads(), threads_before);
        drop(runtime);
        let runtime = Builder::new().monitor(Monitor::new()).build_driven().unwrap();
        assert_eq!(threads(), threads_before + 1, "the watchdog");
        assert_ne!(signals(), before, "the watchdog's signal");
        drop(runtime);
        assert_eq!(threads(), threads_before);
    });
}

#[test]
fn an_overflow_names_the_green_thread_of_a_driven_runtime_if_that_was_asked_for() {
    let output = child::run(|| {
        #[inline(never)]
        fn deeper(depth: usize) -> usize {
            let room = std::hint::black_box([depth; 256]);
            if depth == usize::MAX { 0 } else { deeper(depth + 1) + room[depth % 256] }
        }
        let runtime = Builder::new().with_overflow_report().build_driven().unwrap();
        runtime.run_until(|| assert_ne!(deeper(0), 1));
    });
    let stderr = child::text(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains("green thread 'main'"), "{stderr}");
}
