//! Native stacks: of those who wait, of those who run, and equal ones as one group.

use crate::child;
use crate::fixture::{report, until};
use crate::flavour::{Watchdog, on_workers};
use greenstd::diag::{Frame, Options, Stack, State};
use greenstd::runtime::Builder;
use greenstd::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A frame with a name to be found.
#[inline(never)]
fn waits_in_the_middle(depth: u32) {
    if depth > 0 {
        waits_in_the_middle(depth - 1);
    } else {
        thread::park();
    }
    std::hint::black_box(depth);
}

#[inline(never)]
fn hogs_its_worker(is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

fn count(stack: &Stack, name: &str) -> usize {
    stack.frames().iter().filter(|frame| frame.function().contains(name)).count()
}

#[test]
fn a_parked_one_shows_its_own_calls_from_the_api_to_where_it_began() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let waiter = thread::spawn(|| waits_in_the_middle(3));
            let options = Options::new().stacks(true);
            let seen = report(&options, waiter.thread().id(), |it| it.wait().is_some());
            let stack = seen.stack().expect("it can be unwound");
            assert_eq!(count(stack, "waits_in_the_middle"), 4, "{stack}");
            assert_eq!(count(stack, "corosensei"), 0, "{stack}");
            assert_eq!(count(stack, "greenstd_runtime::engine"), 0, "{stack}");
            // In a debug build a private function of the module is its own frame.
            let first = &stack.frames()[..2];
            assert!(first.iter().any(|frame| frame.function().contains("park")), "{stack}");
            let mut files = stack.frames().iter().filter_map(|frame| frame.file());
            assert!(files.any(|file| file.ends_with("tests/diag/stacks.rs")), "{stack}");
            waiter.thread().unpark();
            waiter.join().unwrap();
        });
    }
}

/// Calls it on a lent stack.
#[inline(never)]
fn lends(depth: u32) {
    thread::on_lent_stack(|| waits_in_the_middle(depth));
    std::hint::black_box(depth);
}

#[test]
fn one_on_a_lent_stack_shows_the_calls_on_its_own_as_well() {
    for workers in [1, 2] {
        on_workers(workers, || {
            // Stacks that lie above and below those of the others.
            let waiters: Vec<_> = (0..40).map(|_| thread::spawn(|| lends(2))).collect();
            for waiter in &waiters {
                let options = Options::new().stacks(true);
                let seen = report(&options, waiter.thread().id(), |it| it.wait().is_some());
                let stack = seen.stack().expect("it can be unwound");
                assert_eq!(count(stack, "waits_in_the_middle"), 3, "{stack}");
                let is_lender = |frame: &&Frame| frame.function() == "diag::stacks::lends";
                assert_eq!(stack.frames().iter().filter(is_lender).count(), 1, "{stack}");
                assert_eq!(count(stack, "catch_unwind"), 0, "{stack}");
                assert_eq!(count(stack, "corosensei"), 0, "{stack}");
                assert_eq!(count(stack, "greenstd_runtime::engine"), 0, "{stack}");
            }
            for waiter in waiters {
                waiter.thread().unpark();
                waiter.join().unwrap();
            }
        });
    }
}

#[test]
fn equal_stacks_are_one_group() {
    on_workers(2, || {
        let crowd: Vec<_> = (0..100).map(|_| thread::spawn(|| waits_in_the_middle(1))).collect();
        let others: Vec<_> = (0..50).map(|_| thread::spawn(|| waits_in_the_middle(2))).collect();
        until(&Options::new().stacks(true), |dump| {
            let is_ours = |stack: &Stack| count(stack, "waits_in_the_middle") > 0;
            let groups = dump.groups();
            let ours: Vec<usize> = groups
                .iter()
                .filter(|group| group.first().state() == State::Parked)
                .filter(|group| group.first().stack().is_some_and(is_ours))
                .map(|group| group.threads().len())
                .collect();
            // Another test's may be there, too.
            let is_there = ours.contains(&100) && ours.contains(&50);
            let text = dump.to_string();
            is_there.then(|| assert!(text.contains("100 green threads, parked in thread::park")))
        });
        for waiter in crowd.into_iter().chain(others) {
            waiter.thread().unpark();
            waiter.join().unwrap();
        }
    });
}

#[test]
fn a_dump_without_stacks_has_none() {
    on_workers(1, || {
        let waiter = thread::spawn(thread::park);
        let seen = report(&Options::new(), waiter.thread().id(), |it| it.wait().is_some());
        assert!(seen.stack().is_none());
        waiter.thread().unpark();
        waiter.join().unwrap();
    });
}

/// In a process of its own: the handler stays.
#[test]
fn a_running_one_shows_its_calls_if_the_signal_is_asked_for() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let runtime = Builder::new().workers(1).monitor(None).build().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let hog = runtime.spawn(move || hogs_its_worker(&ends));
        let options = Options::new().running_stacks();
        let seen = report(&options, hog.thread().id(), |it| {
            matches!(it.state(), State::Running { .. }) && it.stack().is_some()
        });
        let stack = seen.stack().unwrap();
        assert_eq!(count(stack, "hogs_its_worker"), 1, "{stack}");
        is_over.store(true, Ordering::Relaxed);
        hog.join().unwrap();
    });
}

/// Nothing process-wide happens unless it is asked for.
#[test]
fn no_handler_is_installed_for_the_stacks_of_those_who_wait() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let runtime = Builder::new().workers(1).monitor(None).build().unwrap();
        let waiter = runtime.spawn(thread::park);
        let options = Options::new().stacks(true).locals(true);
        report(&options, waiter.thread().id(), |it| it.stack().is_some());
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: only asks, and fills `action` in.
        let action = unsafe {
            assert_eq!(libc::sigaction(libc::SIGURG, std::ptr::null(), action.as_mut_ptr()), 0);
            action.assume_init()
        };
        assert_eq!(action.sa_sigaction, libc::SIG_DFL);
        waiter.thread().unpark();
        waiter.join().unwrap();
    });
}
