//! `Builder`: names, stack sizes, and what it refuses.

use crate::flavour::on_workers;
use std::hint::black_box;
use std::io;
use std::panic;

/// Uses so many bytes of stack in frames of a kilobyte.
#[inline(never)]
fn dig(bytes: usize) -> u8 {
    let frame = black_box([1_u8; 1024]);
    if bytes > 1024 { dig(bytes - 1024).wrapping_add(frame[0]) } else { frame[bytes % 1024] }
}

laws! { parity
    fn a_name_with_a_nul_byte_panics() {
        let outcome = panic::catch_unwind(|| {
            thread::Builder::new().name("a\0b".into()).spawn(|| ()).map(|handle| handle.join())
        });
        assert!(outcome.is_err());
    }

    fn deep_stacks_can_be_used_to_their_depth() {
        for size in [256 << 10, 1 << 20, 16 << 20] {
            let handle = thread::Builder::new().stack_size(size).spawn(move || dig(size / 4));
            handle.unwrap().join().unwrap();
        }
    }

    fn a_tiny_stack_works() {
        let handle = thread::Builder::new().stack_size(1).spawn(|| {
            thread::yield_now();
            6 * 7
        });
        assert_eq!(handle.unwrap().join().unwrap(), 42);
    }

    fn spawn_unchecked_borrows_on_the_callers_word() {
        let mut number = 1;
        let borrowed = &mut number;
        // SAFETY: joined before what it borrows goes.
        let handle = unsafe { thread::Builder::new().spawn_unchecked(move || *borrowed += 1) };
        handle.unwrap().join().unwrap();
        assert_eq!(number, 2);
    }
}

laws! {
    fn a_stack_beyond_a_gibibyte_is_an_error() {
        for size in [(1 << 30) + 1, usize::MAX] {
            let error = thread::Builder::new().stack_size(size).spawn(|| ()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        let handle = thread::Builder::new().stack_size(1 << 30).spawn(|| dig(1 << 20));
        handle.unwrap().join().unwrap();
    }

    fn sizes_may_be_mixed_at_will() {
        let handles: Vec<_> = (0..200_usize)
            .map(|number| {
                let size = 16 << 10 << (number % 6);
                let builder = thread::Builder::new().stack_size(size);
                builder.spawn(move || {
                    thread::yield_now();
                    // A guard page and the frames of the runtime are left alone.
                    dig(size / 4);
                    thread::yield_now();
                    number
                })
            })
            .collect();
        let sum: usize = handles.into_iter().map(|handle| handle.unwrap().join().unwrap()).sum();
        assert_eq!(sum, 199 * 100);
    }
}

#[test]
fn the_default_size_is_the_runtimes() {
    let runtime = greenstd::runtime::Builder::new().workers(1).stack_size(4 << 20).build().unwrap();
    runtime.run(|| {
        greenstd::thread::spawn(|| dig(1 << 20)).join().unwrap();
    });
    on_workers(1, || dig(64 << 10));
}
