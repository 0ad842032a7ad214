//! What an overflow and other faults do, each in a process of its own.

use std::hint::black_box;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::sync::atomic::AtomicUsize;
use std::thread;

use corosensei::{Coroutine, Yielder};

use super::*;
use crate::engine::stack::alternate::AlternateStack;
use crate::engine::stack::size::page_size;
use crate::engine::stack::{Config, GuardKind, LocalCache, StackPool, child};

const LINE: &str =
    "green thread 'conn-42' (spawned at src/main.rs:7) overflowed its 256 KiB stack\n";

fn describe(message: &mut Message) {
    message.push_str("green thread 'conn-42' (spawned at src/main.rs:");
    message.push_number(7);
    message.push_str(")");
}

fn run(law: &str, body: impl FnOnce()) -> Output {
    child::run(module_path!(), law, body)
}

/// The lines on standard error, without std's own about backtraces.
fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Uses up whatever stack there is.
fn dive(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if black_box(depth) == u64::MAX { 0 } else { dive(depth + 1) + frame[5] }
}

/// Overflows a stack of `class`, on a worker-like thread.
fn overflow(guard: GuardKind, class: SizeClass) {
    let pool = StackPool::new(Config { class, guard, ..Config::default() }).unwrap();
    let mut cache = LocalCache::new(&pool).unwrap();
    pool.reserve(class, 1).unwrap();
    let _alternate = AlternateStack::ensure().unwrap();
    install(describe).unwrap();
    install(describe).unwrap();
    let stack = cache.take(&pool).unwrap();
    let mut coroutine = Coroutine::<(), (), u64, _>::with_stack(stack, |_, ()| dive(0));
    let result = coroutine.resume(()).as_return();
    panic!("an endless recursion returned {result:?}");
}

/// Writes to an address that nobody has mapped.
fn fault() {
    // SAFETY: the fault is the purpose; the process ends or a handler sorts it out.
    unsafe { ptr::without_provenance_mut::<u64>(64).write_volatile(1) };
}

fn set_action(signal: libc::c_int, handler: usize, flags: libc::c_int) {
    // SAFETY: all zeros is a valid action; the tests' handlers are async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(signal, &action, ptr::null_mut()), 0);
    }
}

extern "C" fn exit_with_signal(signal: libc::c_int) {
    // SAFETY: async-signal-safe.
    unsafe { libc::_exit(100 + signal) }
}

#[test]
fn overflow_over_madvise_guard_names_the_green_thread_and_aborts() {
    let output = run("overflow_over_madvise_guard_names_the_green_thread_and_aborts", || {
        overflow(GuardKind::Auto, SizeClass::DEFAULT)
    });
    assert_eq!(stderr(&output), LINE);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
}

#[test]
fn overflow_over_mprotect_guard_names_the_green_thread_and_aborts() {
    let output = run("overflow_over_mprotect_guard_names_the_green_thread_and_aborts", || {
        overflow(GuardKind::Mprotect, SizeClass::DEFAULT)
    });
    assert_eq!(stderr(&output), LINE);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
}

#[test]
fn overflow_of_a_large_stack_is_told_in_mebibytes() {
    let output = run("overflow_of_a_large_stack_is_told_in_mebibytes", || {
        overflow(GuardKind::Auto, SizeClass::for_bytes(2 << 20).unwrap())
    });
    assert!(stderr(&output).ends_with(") overflowed its 2 MiB stack\n"), "{output:?}");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
}

#[test]
fn overflow_without_description_still_has_its_line() {
    let output = run("overflow_without_description_still_has_its_line", || {
        thread::spawn(|| {
            let _alternate = AlternateStack::ensure().unwrap();
            install(|_| {}).unwrap();
            let pool = StackPool::new(Config::default()).unwrap();
            pool.reserve(SizeClass::DEFAULT, 1).unwrap();
            let stack = pool.take(SizeClass::DEFAULT).unwrap();
            let dive = |_: &Yielder<(), ()>, ()| dive(0);
            Coroutine::with_stack(stack, dive).resume(()).as_return()
        })
        .join()
        .unwrap();
    });
    assert_eq!(stderr(&output), "green thread overflowed its 256 KiB stack\n");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
}

#[test]
fn overflow_of_an_os_thread_is_still_told_by_std() {
    let output = run("overflow_of_an_os_thread_is_still_told_by_std", || {
        install(describe).unwrap();
        thread::Builder::new().name("deep".into()).spawn(|| dive(0)).unwrap().join().unwrap();
    });
    assert!(stderr(&output).contains("thread 'deep'"), "{output:?}");
    assert!(stderr(&output).contains("has overflowed its stack"), "{output:?}");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
}

#[test]
fn other_fault_ends_the_process_by_its_own_signal() {
    let output = run("other_fault_ends_the_process_by_its_own_signal", || {
        install(describe).unwrap();
        fault();
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
    assert_eq!(stderr(&output), "");
}

#[test]
fn fault_in_a_stack_above_its_guard_is_no_overflow() {
    let output = run("fault_in_a_stack_above_its_guard_is_no_overflow", || {
        install(describe).unwrap();
        let pool = StackPool::new(Config::default()).unwrap();
        pool.reserve(SizeClass::DEFAULT, 1).unwrap();
        let stack = pool.take(SizeClass::DEFAULT).unwrap();
        let page = stack.low() + page_size();
        // SAFETY: a page of an unused slot; the fault is the purpose.
        unsafe {
            libc::mprotect(page as *mut libc::c_void, page_size(), libc::PROT_NONE);
            (page as *mut u64).write_volatile(1);
        }
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
    assert_eq!(stderr(&output), "");
}

#[test]
fn other_fault_with_the_default_before_ends_the_process() {
    let output = run("other_fault_with_the_default_before_ends_the_process", || {
        set_action(libc::SIGSEGV, libc::SIG_DFL, 0);
        install(describe).unwrap();
        fault();
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
}

#[test]
fn other_fault_cannot_be_ignored() {
    let output = run("other_fault_cannot_be_ignored", || {
        set_action(libc::SIGSEGV, libc::SIG_IGN, 0);
        install(describe).unwrap();
        fault();
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
}

#[test]
fn sent_signal_that_was_ignored_stays_ignored() {
    child::succeed(module_path!(), "sent_signal_that_was_ignored_stays_ignored", || {
        set_action(libc::SIGSEGV, libc::SIG_IGN, 0);
        install(describe).unwrap();
        // SAFETY: no preconditions.
        unsafe { libc::raise(libc::SIGSEGV) };
    });
}

#[test]
fn sent_signal_with_the_default_before_ends_the_process() {
    let output = run("sent_signal_with_the_default_before_ends_the_process", || {
        set_action(libc::SIGBUS, libc::SIG_DFL, 0);
        install(describe).unwrap();
        // SAFETY: no preconditions.
        unsafe { libc::raise(libc::SIGBUS) };
    });
    assert_eq!(output.status.signal(), Some(libc::SIGBUS));
}

#[test]
fn each_signal_has_its_own_previous_handler() {
    let output = run("each_signal_has_its_own_previous_handler", || {
        set_action(libc::SIGSEGV, libc::SIG_DFL, 0);
        set_action(libc::SIGBUS, exit_with_signal as extern "C" fn(_) as usize, 0);
        install(describe).unwrap();
        // SAFETY: a mapping beyond the end of an empty file; the fault is the purpose.
        unsafe {
            let file = libc::memfd_create(c"empty".as_ptr(), 0);
            let rights = libc::PROT_READ | libc::PROT_WRITE;
            let page = libc::mmap(ptr::null_mut(), page_size(), rights, libc::MAP_SHARED, file, 0);
            assert_ne!(page, libc::MAP_FAILED);
            page.cast::<u64>().write_volatile(1);
        }
    });
    assert_eq!(output.status.code(), Some(100 + libc::SIGBUS));
}

#[test]
fn previous_plain_handler_is_called() {
    let output = run("previous_plain_handler_is_called", || {
        set_action(libc::SIGSEGV, exit_with_signal as extern "C" fn(_) as usize, 0);
        install(describe).unwrap();
        fault();
    });
    assert_eq!(output.status.code(), Some(100 + libc::SIGSEGV));
}

/// The page that [`open_page`] makes accessible, and how often it was called.
static CLOSED_PAGE: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn open_page(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let page = CLOSED_PAGE.load(Ordering::Relaxed);
    // SAFETY: the kernel's arguments; the page is the test's.
    unsafe {
        if signal != libc::SIGSEGV || (*info).si_addr() as usize != page || context.is_null() {
            libc::_exit(1);
        }
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        libc::mprotect(page as *mut libc::c_void, page_size(), rights);
    }
}

#[test]
fn previous_handler_gets_the_fault_and_may_resolve_it() {
    child::succeed(module_path!(), "previous_handler_gets_the_fault_and_may_resolve_it", || {
        set_action(libc::SIGSEGV, open_page as Handler as usize, libc::SA_SIGINFO);
        install(describe).unwrap();
        // SAFETY: a mapping of this test.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let page = libc::mmap(ptr::null_mut(), page_size(), libc::PROT_NONE, flags, -1, 0);
            CLOSED_PAGE.store(page as usize, Ordering::Relaxed);
            page.cast::<u64>().write_volatile(5);
            assert_eq!(page.cast::<u64>().read_volatile(), 5);
        }
        assert_eq!(CALLS.load(Ordering::Relaxed), 1);
    });
}

extern "C" fn count_call(_signal: libc::c_int) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: async-signal-safe.
    unsafe { libc::write(libc::STDERR_FILENO, c"once\n".as_ptr().cast(), 5) };
}

#[test]
fn previous_handler_that_asked_for_one_call_gets_one() {
    let output = run("previous_handler_that_asked_for_one_call_gets_one", || {
        let handler = count_call as extern "C" fn(_) as usize;
        set_action(libc::SIGSEGV, handler, libc::SA_RESETHAND);
        install(describe).unwrap();
        std::io::stderr().flush().unwrap();
        fault();
    });
    assert_eq!(stderr(&output), "once\n");
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
}
