//! The watchdog's thread and signal: there if wanted, and in nobody's way.

use crate::child;
use crate::flavour::Watchdog;
use crate::listener::Listener;
use greenstd::runtime::{Builder, Monitor};
use std::fs;
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const THRESHOLD: Duration = Duration::from_millis(40);
const STALL: Duration = Duration::from_millis(400);

fn handler_of(signal: libc::c_int) -> usize {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: asks only, into a place that is writable.
    unsafe {
        assert_eq!(libc::sigaction(signal, ptr::null(), action.as_mut_ptr()), 0);
        action.assume_init().sa_sigaction
    }
}

/// The names of the OS threads of this process.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let name =
        |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.map(|task| name(task.unwrap()).trim().to_owned()).collect()
}

#[test]
fn without_a_monitor_there_is_neither_thread_nor_handler() {
    child::succeed(|| {
        let listener = Listener::everywhere();
        let runtime = Builder::new().workers(1).name("mine").monitor(None).build().unwrap();
        runtime.run(|| std::thread::sleep(STALL));
        assert_eq!(runtime.monitor_statistics(), None);
        assert_eq!(handler_of(libc::SIGURG), libc::SIG_DFL);
        assert!(!threads().contains(&"mine-monitor".to_owned()), "{:?}", threads());
        assert_eq!(listener.reports(), []);
        // With one, both are there; the thread goes with its runtime.
        let builder = Builder::new().workers(1).name("mine");
        let other = builder.monitor(Monitor::new()).build().unwrap();
        assert_ne!(handler_of(libc::SIGURG), libc::SIG_DFL);
        assert!(threads().contains(&"mine-monitor".to_owned()), "{:?}", threads());
        drop(other);
        assert!(!threads().contains(&"mine-monitor".to_owned()), "{:?}", threads());
    });
}

#[test]
fn without_backtraces_there_is_no_handler_and_all_else_is_reported() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let monitor = Monitor::new().threshold(THRESHOLD).without_backtraces();
        let runtime = Builder::new().workers(1).monitor(monitor).build().unwrap();
        runtime.run(|| std::thread::sleep(STALL));
        drop(runtime);
        assert_eq!(handler_of(libc::SIGURG), libc::SIG_DFL);
        let reports = listener.reports();
        let [report] = &reports[..] else { panic!("{reports:?}") };
        assert_eq!(report["name"], "main");
        assert_eq!(report["activity"], "blocked in clock_nanosleep");
        assert!(!report.contains_key("backtrace"), "{report:?}");
    });
}

static FOREIGN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: libc::c_int) {
    FOREIGN.fetch_add(1, Ordering::SeqCst);
}

fn install(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) {
    // SAFETY: the handler only counts.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler as extern "C" fn(libc::c_int) as usize;
        assert_eq!(libc::sigaction(signal, &raw const action, ptr::null_mut()), 0);
    }
}

#[test]
fn signals_of_others_go_to_the_handler_that_was_there_before() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let signal = libc::SIGRTMIN() + 3;
        install(signal, count);
        let monitor = Monitor::new().threshold(THRESHOLD).signal(signal);
        let runtime = Builder::new().workers(1).monitor(monitor).build().unwrap();
        runtime.run(|| std::thread::sleep(STALL));
        let reports = listener.wait_for(1);
        assert!(reports[0]["backtrace"].contains("signals::"), "{reports:?}");
        // Ours did not reach it; that of somebody else does.
        assert_eq!(FOREIGN.load(Ordering::SeqCst), 0);
        // SAFETY: a signal to this thread.
        unsafe { libc::raise(signal) };
        assert_eq!(FOREIGN.load(Ordering::SeqCst), 1);
        drop(runtime);
        // SAFETY: as above.
        unsafe { libc::raise(signal) };
        assert_eq!(FOREIGN.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_signal_of_others_that_nobody_had_handled_ends_the_process_as_before() {
    let output = child::run(|| {
        let signal = libc::SIGUSR2;
        let runtime = Builder::new().workers(1).monitor(Monitor::new().signal(signal));
        let _runtime = runtime.build().unwrap();
        // SAFETY: a signal to this thread.
        unsafe { libc::raise(signal) };
    });
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(output.status.signal(), Some(libc::SIGUSR2), "{output:?}");
}

#[test]
fn a_signal_that_cannot_be_handled_is_an_error_of_the_build() {
    child::succeed(|| {
        for signal in [libc::SIGKILL, 0, -1, 65, 1000] {
            let builder = Builder::new().workers(1).monitor(Monitor::new().signal(signal));
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{signal}");
        }
    });
}

#[test]
fn one_that_blocks_the_signal_is_reported_without_its_stack() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let monitor = Monitor::new().threshold(THRESHOLD);
        let runtime = Builder::new().workers(1).monitor(monitor).build().unwrap();
        let heard = listener.clone();
        runtime.run(move || {
            // SAFETY: the mask of this worker's thread.
            unsafe {
                let mut mask = mem::zeroed();
                libc::sigemptyset(&raw mut mask);
                libc::sigaddset(&raw mut mask, libc::SIGURG);
                libc::pthread_sigmask(libc::SIG_BLOCK, &raw const mask, ptr::null_mut());
                heard.wait_for(1);
                // It comes late now, and does no harm.
                libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const mask, ptr::null_mut());
            }
        });
        let reports = listener.reports();
        let [report] = &reports[..] else { panic!("{reports:?}") };
        assert!(!report.contains_key("backtrace"), "{report:?}");
    });
}

#[test]
fn a_green_thread_with_a_small_stack_can_build_a_runtime_with_a_monitor() {
    child::succeed(|| {
        let outer = Builder::new().workers(1).stack_size(128 << 10).monitor(None).build().unwrap();
        let stalls = outer.run(|| {
            let inner = Builder::new().workers(1).monitor(Monitor::new()).build().unwrap();
            inner.run(inner_stalls)
        });
        assert_eq!(stalls, 0);
    });
}

fn inner_stalls() -> u64 {
    greenstd::runtime::monitor_statistics().unwrap().stalls
}
