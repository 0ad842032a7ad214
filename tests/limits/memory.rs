//! No address space, no mappings, no descriptors: each is an `io::Error`, and the process goes on.

use crate::child;
use greenstd::runtime::Builder;
use greenstd::thread;
use std::fs::{self, File};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sets the soft limit.
fn limit(resource: libc::__rlimit_resource_t, value: u64) {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for one limit.
    assert_eq!(unsafe { libc::getrlimit(resource, &raw mut limits) }, 0);
    limits.rlim_cur = value.min(limits.rlim_max);
    // SAFETY: a limit of this process.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limits) }, 0);
}

/// The address space that this process uses, in bytes.
fn address_space() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn without_address_space_a_spawn_is_an_error_and_the_process_goes_on() {
    child::succeed(|| {
        let runtime = Builder::new().workers(1).build().unwrap();
        runtime.run(|| {
            assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
            let before = address_space();
            limit(libc::RLIMIT_AS, before + (64 << 20));
            let large = thread::Builder::new().stack_size(1 << 30).spawn(|| ());
            assert_eq!(large.unwrap_err().kind(), io::ErrorKind::OutOfMemory);
            let mut parked = Vec::new();
            let error = loop {
                match thread::Builder::new().stack_size(1 << 20).spawn(thread::park) {
                    Ok(handle) => parked.push(handle),
                    Err(error) => break error,
                }
                assert!(parked.len() < 100, "more stacks than address space");
            };
            assert_eq!(error.kind(), io::ErrorKind::OutOfMemory, "{error}");
            // Whoever has a stack goes on, and its stack can be used again.
            thread::yield_now();
            for handle in parked {
                handle.thread().unpark();
                handle.join().unwrap();
                let builder = thread::Builder::new().stack_size(1 << 20);
                assert_eq!(builder.spawn(|| 2).unwrap().join().unwrap(), 2);
            }
            assert_eq!(thread::spawn(|| 3).join().unwrap(), 3);
            limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
            let large = thread::Builder::new().stack_size(1 << 30).spawn(|| 4);
            assert_eq!(large.unwrap().join().unwrap(), 4);
        });
    });
}

#[test]
fn mprotect_guards_end_at_the_limit_of_mappings_with_an_error_that_names_it() {
    child::succeed(|| {
        let runtime = Builder::new().workers(2).mprotect_guards().build().unwrap();
        runtime.run(|| {
            let woken = Arc::new(AtomicUsize::new(0));
            let mut parked = Vec::new();
            let error = loop {
                let woken = woken.clone();
                let life = move || {
                    thread::park();
                    woken.fetch_add(1, Ordering::Relaxed);
                };
                match thread::Builder::new().stack_size(16 << 10).spawn(life) {
                    Ok(handle) => parked.push(handle),
                    Err(error) => break error,
                }
                // Kernels may allow more than the usual 65,530; then this test shows nothing.
                if parked.len() == 40_000 {
                    return println!("no limit met");
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
            assert!(error.to_string().contains("vm.max_map_count"), "{error}");
            let count = parked.len();
            assert!(count > 20_000, "{count}");
            // The rest of the process has mappings left: a thread, a large vector.
            std::thread::spawn(|| drop(vec![1_u8; 10 << 20])).join().unwrap();
            for handle in &parked {
                handle.thread().unpark();
            }
            for handle in parked {
                handle.join().unwrap();
            }
            assert_eq!(woken.load(Ordering::Relaxed), count);
            let again = thread::Builder::new().stack_size(16 << 10).spawn(|| 5);
            assert_eq!(again.unwrap().join().unwrap(), 5);
        });
    });
}

#[test]
fn without_descriptors_a_runtime_does_not_start_but_can_later() {
    child::succeed(|| {
        limit(libc::RLIMIT_NOFILE, 64);
        let mut taken = Vec::new();
        let error = loop {
            match File::open("/dev/null") {
                Ok(file) => taken.push(file),
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        // With some left, too: a runtime that starts halfway gives back what it took.
        for left in 0..7 {
            for workers in [2, 4] {
                let error = Builder::new().workers(workers).build().unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            }
            let error = thread::Builder::new().spawn(|| ()).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "with {left} left");
            if left < 2 {
                taken.pop();
            }
        }
        drop(taken);
        assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
        let runtime = Builder::new().workers(2).build().unwrap();
        assert_eq!(runtime.run(|| thread::spawn(|| 2).join().unwrap()), 2);
    });
}

#[test]
fn without_a_thread_a_runtime_does_not_start_but_can_later() {
    child::succeed(|| {
        // Room for the rings of a few workers, but not for the stacks of so many OS threads.
        limit(libc::RLIMIT_AS, address_space() + (24 << 20));
        let error = Builder::new().workers(64).build().unwrap_err();
        assert!(error.raw_os_error().is_some(), "{error}");
        limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
        let threads = || fs::read_dir("/proc/self/task").unwrap().count();
        let before = threads();
        let runtime = Builder::new().workers(2).monitor(None).build().unwrap();
        assert_eq!(runtime.run(|| 2), 2);
        assert_eq!(threads(), before + 2, "workers of the failed start are left");
    });
}
