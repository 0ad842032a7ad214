//! A green thread that overflows its stack: it is named, and the process ends as it does in std.

use crate::child;
use greenstd::runtime::Builder;
use greenstd::thread;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Recurses until there is no stack left.
#[inline(never)]
fn recurse(depth: usize) -> usize {
    let frame = black_box([depth; 16]);
    if black_box(true) { recurse(depth + 1) + frame[depth % 16] } else { depth }
}

/// The child must have died by `signal`; returns what it wrote.
#[track_caller]
fn died_by(signal: i32, output: &Output) -> String {
    let stderr = child::text(&output.stderr);
    assert_eq!(output.status.signal(), Some(signal), "{}: {stderr}", output.status);
    stderr
}

#[test]
fn a_named_one_is_told_by_its_name() {
    let output = child::run(|| {
        greenstd::run(|| {
            let builder = thread::Builder::new().name("greedy".into());
            builder.spawn(|| recurse(0)).unwrap().join()
        })
        .unwrap();
    });
    let line = line!() - 4;
    let stderr = died_by(libc::SIGABRT, &output);
    let file = file!();
    let words =
        format!("green thread 'greedy' (spawned at {file}:{line}) overflowed its 256 KiB stack\n");
    assert!(stderr.ends_with(&words), "{stderr:?} and not {words:?}");
}

#[test]
fn an_unnamed_one_is_told_by_its_site() {
    let output = child::run(|| {
        // In the global runtime, on the second worker, or after a while: all is one.
        thread::spawn(|| {
            thread::yield_now();
            thread::sleep(std::time::Duration::from_millis(1));
            recurse(0)
        })
        .join()
        .unwrap();
    });
    let line = line!() - 8;
    let stderr = died_by(libc::SIGABRT, &output);
    let start = format!("green thread '<unnamed>' (spawned at {}:{line})", file!());
    assert!(stderr.contains(&start), "{stderr:?} and not {start:?}");
}

#[test]
fn the_size_is_told_as_it_was_chosen() {
    let output = child::run(|| {
        greenstd::run(|| {
            let builder = thread::Builder::new().name("large".into()).stack_size(3 << 20);
            builder.spawn(|| recurse(0)).unwrap().join()
        })
        .unwrap();
    });
    let stderr = died_by(libc::SIGABRT, &output);
    assert!(stderr.ends_with("overflowed its 4 MiB stack\n"), "{stderr:?}");
}

#[test]
fn the_size_of_the_runtime_is_told_where_none_was_chosen() {
    let output = child::run(|| {
        let runtime = Builder::new().workers(1).stack_size(64 << 10).build().unwrap();
        runtime.run(|| recurse(0));
    });
    let stderr = died_by(libc::SIGABRT, &output);
    assert!(stderr.contains("green thread 'main' (spawned at "), "{stderr:?}");
    assert!(stderr.ends_with("overflowed its 64 KiB stack\n"), "{stderr:?}");
}

#[test]
fn that_of_a_lent_stack_is_told_as_well() {
    let output = child::run(|| {
        greenstd::run(|| {
            let builder = thread::Builder::new().name("borrower".into());
            builder.spawn(|| thread::on_lent_stack(|| recurse(0))).unwrap().join()
        })
        .unwrap();
    });
    let stderr = died_by(libc::SIGABRT, &output);
    assert!(stderr.contains("green thread 'borrower' (spawned at "), "{stderr:?}");
    assert!(stderr.ends_with("overflowed its 256 KiB stack\n"), "{stderr:?}");
}

#[test]
fn mprotect_guards_are_told_as_well() {
    let output = child::run(|| {
        let runtime = Builder::new().workers(1).mprotect_guards().build().unwrap();
        runtime.run(|| recurse(0));
    });
    let stderr = died_by(libc::SIGABRT, &output);
    assert!(stderr.ends_with("overflowed its 256 KiB stack\n"), "{stderr:?}");
}

#[test]
fn an_overflow_while_unwinding_is_told_as_well() {
    struct Overflows;
    impl Drop for Overflows {
        fn drop(&mut self) {
            recurse(0);
        }
    }
    let output = child::run(|| {
        greenstd::run(|| {
            let _overflows = Overflows;
            std::panic::resume_unwind(Box::new(()));
        });
    });
    let stderr = died_by(libc::SIGABRT, &output);
    assert!(stderr.ends_with("overflowed its 256 KiB stack\n"), "{stderr:?}");
}

#[test]
fn without_the_report_the_process_dies_by_the_fault() {
    let output = child::run(|| {
        let runtime = Builder::new().workers(1).without_overflow_report().build().unwrap();
        runtime.run(|| recurse(0));
    });
    let stderr = died_by(libc::SIGSEGV, &output);
    assert!(!stderr.contains("overflowed"), "{stderr:?}");
}

#[test]
fn std_still_reports_the_overflow_of_an_os_thread() {
    let output = child::run(|| {
        greenstd::run(|| ());
        let builder = std::thread::Builder::new().name("os".into());
        builder.spawn(|| recurse(0)).unwrap().join().unwrap();
    });
    let stderr = died_by(libc::SIGABRT, &output);
    assert!(stderr.contains("thread 'os'"), "{stderr:?}");
    assert!(stderr.contains("has overflowed its stack"), "{stderr:?}");
    assert!(!stderr.contains("green thread"), "{stderr:?}");
}

#[test]
fn another_fault_of_a_green_thread_ends_the_process_by_its_signal() {
    let output = child::run(|| {
        greenstd::run(|| {
            let nowhere = black_box(16 as *const u8);
            // SAFETY: none: the fault is the point, and nothing outlives it.
            unsafe { nowhere.read_volatile() }
        });
    });
    let stderr = died_by(libc::SIGSEGV, &output);
    assert!(!stderr.contains("overflowed"), "{stderr:?}");
}

#[test]
fn a_handler_that_was_there_before_gets_the_other_faults() {
    static FAULTS: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn count(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: under SA_SIGINFO the kernel passes a filled-in siginfo.
        let address = unsafe { (*info).si_addr() } as usize;
        FAULTS.fetch_add(1, Ordering::SeqCst);
        if address == 16 {
            // SAFETY: async-signal-safe, and never returns.
            unsafe { libc::_exit(40 + FAULTS.load(Ordering::SeqCst) as i32) }
        }
    }
    let install = || {
        // SAFETY: all zeros is a valid action, and the handler has the signature of SA_SIGINFO.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = count as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            assert_eq!(libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut()), 0);
        }
    };
    let fault = child::run(move || {
        install();
        greenstd::run(|| {
            // One that was sent, which has no address, and one of our own.
            // SAFETY: the handler returns from it.
            unsafe { libc::raise(libc::SIGSEGV) };
            assert_eq!(FAULTS.load(Ordering::SeqCst), 1);
            let nowhere = black_box(16 as *const u8);
            // SAFETY: none: the handler ends the process.
            unsafe { nowhere.read_volatile() }
        });
    });
    assert_eq!(fault.status.code(), Some(42), "{}", child::text(&fault.stderr));
}
