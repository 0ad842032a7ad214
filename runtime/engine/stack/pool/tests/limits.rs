//! What the pool does at its end, at the limits of the process, and in the wrong hands.

use std::ptr;

use super::*;
use crate::engine::stack::{advise, child, registry};

/// In a child: elsewhere another test may map something where a slab was.
#[test]
fn dropped_pool_unmaps_what_is_back_and_leaks_what_is_not() {
    child::succeed(
        module_path!(),
        "dropped_pool_unmaps_what_is_back_and_leaks_what_is_not",
        || {
            for guard in BOTH {
                let first = pool(guard, 8);
                let sizes = [64, 128, 1];
                let stacks: Vec<_> =
                    sizes.into_iter().flat_map(|count| take_many(&first, count)).collect();
                assert_eq!(first.statistics().slabs, 3);
                let lows: Vec<_> = stacks.iter().map(Stack::low).collect();
                let mut stacks = stacks.into_iter();
                stacks.by_ref().take(70).for_each(|stack| first.put(stack));
                let leaked = stacks.next().unwrap();
                stacks.for_each(|stack| first.put(stack));
                drop(first);
                for (number, low) in lows.into_iter().enumerate() {
                    let is_leaked = (64..64 + 128).contains(&number);
                    assert_eq!(is_mapped(low), is_leaked, "slot {number}");
                    assert_eq!(registry::guard_at(low).is_some(), is_leaked);
                }
                touch(body(&leaked));
                assert!(!is_readable(leaked.low()));
            }
        },
    );
}

#[test]
fn stack_in_the_wrong_pool_keeps_its_slab_mapped() {
    let first = pool(GuardKind::Auto, 8);
    let stack = take_many(&first, 1).pop().unwrap();
    let range = body(&stack);
    let second = pool(GuardKind::Auto, 8);
    let other = take_many(&second, 1).pop().unwrap();
    let other_range = body(&other);
    // What `put` asserts in debug builds is left out here: it is the drop that has to hold.
    let class = usize::from(CLASS.index());
    second.places[class].shelf.lock().put_cold([stack].into_iter());
    drop(second);
    drop(first);
    touch(range);
    touch(other_range);
    drop(other);
}

fn limit_address_space(more_bytes: usize) {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').next().unwrap().parse().unwrap();
    let bytes = (pages * page_size() + more_bytes) as libc::rlim_t;
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: only a limit of this process.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}

#[test]
fn address_space_limit_is_an_error_of_reserve() {
    child::succeed(module_path!(), "address_space_limit_is_an_error_of_reserve", || {
        let pool = pool(GuardKind::Auto, 8);
        let mut cache = LocalCache::new(&pool).unwrap();
        limit_address_space(256 << 20);
        let mut count = 0;
        let error = loop {
            match pool.reserve(CLASS, 1) {
                Ok(()) => count += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
        // 256 MiB hold 1,008 slots; the last slab does not fit, and the cache keeps 32 back.
        assert!((800..1008).contains(&count), "{count}");
        assert_eq!(pool.statistics().reserved, count);
        assert!(pool.reserve(CLASS, usize::MAX).is_err());
        // What was reserved before is good.
        let stacks: Vec<_> = (0..count).map(|_| cache.take(&pool).unwrap()).collect();
        stacks.into_iter().for_each(|stack| cache.put(&pool, stack));
        pool.unreserve(CLASS, 1);
        pool.reserve(CLASS, 1).unwrap();
    });
}

fn assert_names_the_sysctl(error: &io::Error) {
    assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
    assert!(error.to_string().contains("vm.max_map_count"), "{error}");
    let source = std::error::Error::source(error.get_ref().unwrap()).unwrap();
    let source = source.downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.raw_os_error(), Some(libc::ENOMEM));
}

#[test]
fn mprotect_guards_end_below_the_mapping_limit_with_an_error_that_names_it() {
    child::succeed(
        module_path!(),
        "mprotect_guards_end_below_the_mapping_limit_with_an_error_that_names_it",
        || {
            let setting = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
            let mappings_max: usize = setting.trim().parse().unwrap();
            if mappings_max > 1 << 18 {
                return; // Beyond what a test should map.
            }
            let smallest = SizeClass::for_bytes(0).unwrap();
            for _ in 0..2 {
                let pool = pool(GuardKind::Mprotect, 8);
                let mut count = 0;
                let error = loop {
                    match pool.reserve(smallest, 1) {
                        Ok(()) => count += 1,
                        Err(error) => break error,
                    }
                };
                assert_names_the_sysctl(&error);
                // The second round finds what the drop of the first pool gave back.
                assert!(count > mappings_max * 9 / 20 && count < mappings_max / 2, "{count}");
                // The process goes on: there are mappings left for a thread.
                thread::spawn(|| ()).join().unwrap();
                let stacks: Vec<_> = (0..count).map(|_| pool.take(smallest).unwrap()).collect();
                assert!(stacks.iter().step_by(997).all(|stack| !is_readable(stack.low())));
                stacks.into_iter().for_each(|stack| pool.put(stack));
            }
        },
    );
}

#[test]
fn mappings_used_up_by_others_are_named_too() {
    child::succeed(module_path!(), "mappings_used_up_by_others_are_named_too", || {
        let pages = 1 << 18;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let pool = pool(GuardKind::Mprotect, 8);
        pool.reserve(CLASS, 1).unwrap();
        // SAFETY: a mapping of this test, every second page of which becomes a mapping of its own.
        unsafe {
            let rights = libc::PROT_READ | libc::PROT_WRITE;
            let size_bytes = pages * page_size();
            let low = libc::mmap(ptr::null_mut(), size_bytes, rights, flags, -1, 0);
            assert_ne!(low, libc::MAP_FAILED);
            for page in (1..pages).step_by(2) {
                let address = low.byte_add(page * page_size());
                if libc::mprotect(address, page_size(), libc::PROT_NONE) != 0 {
                    assert_names_the_sysctl(&pool.reserve(CLASS, 1).unwrap_err());
                    return;
                }
            }
        }
        // The sysctl is far above its default here: nothing to see.
    });
}

#[test]
fn kernel_without_vectored_advice_is_served_range_by_range() {
    let law = "kernel_without_vectored_advice_is_served_range_by_range";
    child::succeed(module_path!(), law, || {
        advise::refuse_vectored();
        let config = Config { warm_max: 50, ..Config::default() };
        let pool = StackPool::new(config).unwrap();
        let mut cache = LocalCache::new(&pool).unwrap();
        // A whole number of batches, so that no slot is left in the cache.
        let count = 7 * LocalCache::BATCH;
        pool.reserve(CLASS, count).unwrap();
        let stacks: Vec<_> = (0..count).map(|_| cache.take(&pool).unwrap()).collect();
        let ranges: Vec<_> = stacks.iter().map(body).collect();
        for stack in &stacks {
            assert!(!is_readable(stack.low()));
            touch(body(stack));
        }
        stacks.into_iter().for_each(|stack| cache.put(&pool, stack));
        cache.flush(&pool);
        assert_eq!(pool.settle(usize::MAX), count);
        let kept = KEPT_BYTES.div_ceil(page_size());
        let resident = ranges.into_iter().map(resident_pages);
        assert_eq!(resident.sum::<usize>(), 50 * kept);
    });
}
