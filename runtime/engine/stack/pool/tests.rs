//! The laws of the pool and of the caches in front of it.

mod limits;
mod memory;

use std::fs;
use std::ops::Range;
use std::thread;

use super::*;
use crate::engine::stack::LocalCache;
use crate::engine::stack::release::KEPT_BYTES;
use crate::engine::stack::size::page_size;

const CLASS: SizeClass = SizeClass::DEFAULT;

const BOTH: [GuardKind; 2] = [GuardKind::Auto, GuardKind::Mprotect];

fn pool(guard: GuardKind, warm_max: usize) -> StackPool {
    StackPool::new(Config { class: CLASS, guard, warm_max, returned_max: 0 }).unwrap()
}

/// Reserves and takes `count` stacks.
fn take_many(pool: &StackPool, count: usize) -> Vec<Stack> {
    pool.reserve(CLASS, count).unwrap();
    (0..count).map(|_| pool.take(CLASS).unwrap()).collect()
}

/// Puts stacks back and gives their reservations up.
fn put_many(pool: &StackPool, stacks: Vec<Stack>) {
    let count = stacks.len();
    stacks.into_iter().for_each(|stack| pool.put(stack));
    pool.unreserve(CLASS, count);
}

fn touch(range: Range<usize>) {
    for page in range.step_by(page_size()) {
        // SAFETY: a page of a slot that the test has taken.
        unsafe { (page as *mut u8).write_volatile(1) };
    }
}

/// What is above the guard page.
fn body(stack: &Stack) -> Range<usize> {
    stack.low() + page_size()..stack.range().end
}

fn resident_pages(range: Range<usize>) -> usize {
    let mut pages = vec![0; range.len() / page_size()];
    // SAFETY: the vector has a byte for each page.
    let result =
        unsafe { libc::mincore(range.start as *mut libc::c_void, range.len(), pages.as_mut_ptr()) };
    assert_eq!(result, 0);
    pages.iter().filter(|&&page| page & 1 == 1).count()
}

/// Whether the kernel can read at `address`; it says `EFAULT` where a program would fault.
fn is_readable(address: usize) -> bool {
    let mut pipe = [0; 2];
    // SAFETY: the kernel checks the address.
    unsafe {
        assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
        let written = libc::write(pipe[1], address as *const libc::c_void, 1);
        let error = io::Error::last_os_error().raw_os_error();
        libc::close(pipe[0]);
        libc::close(pipe[1]);
        assert!(written == 1 || error == Some(libc::EFAULT));
        written == 1
    }
}

fn is_mapped(address: usize) -> bool {
    let mut page = 0;
    // SAFETY: mincore checks the address; one page needs one byte.
    unsafe { libc::mincore(address as *mut libc::c_void, page_size(), &mut page) == 0 }
}

fn assert_sums(pool: &StackPool) -> Statistics {
    let numbers = pool.statistics();
    let free = numbers.returned + numbers.warm + numbers.cold + numbers.fresh;
    assert_eq!(numbers.mapped, numbers.taken + free);
    numbers
}

#[test]
fn pool_is_shared_and_stacks_move_between_threads() {
    fn is_sync<T: Send + Sync>() {}
    fn is_send<T: Send>() {}
    is_sync::<StackPool>();
    is_send::<Stack>();
    is_send::<LocalCache>();
}

#[test]
fn new_pool_maps_nothing() {
    assert_eq!(pool(GuardKind::Auto, 8).statistics(), Statistics::default());
}

#[test]
fn guard_page_faults_and_the_page_above_does_not() {
    for guard in BOTH {
        let pool = pool(guard, 8);
        let stacks = take_many(&pool, 40);
        for stack in &stacks {
            assert!(!is_readable(stack.low()));
            assert!(!is_readable(stack.low() + page_size() - 1));
            assert!(is_readable(stack.low() + page_size()));
            assert!(is_readable(stack.range().end - 1));
            touch(body(stack));
        }
        put_many(&pool, stacks);
        pool.trim(0);
        // Warm, cold, trimmed and released: the guard stays in all of them.
        for stack in take_many(&pool, 40) {
            assert!(!is_readable(stack.low()), "{guard:?}");
            pool.put(stack);
        }
    }
}

#[test]
fn madvise_guards_leave_the_mapping_whole() {
    let mappings_inside = |range: Range<usize>| {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let starts = maps
            .lines()
            .map(|line| usize::from_str_radix(line.split('-').next().unwrap(), 16).unwrap());
        starts.filter(|start| *start > range.start && *start < range.end).count()
    };
    for guard in [Guard::choose(GuardKind::Auto), Guard::Mprotect] {
        let kind = if guard == Guard::Mprotect { GuardKind::Mprotect } else { GuardKind::Auto };
        let pool = pool(kind, 8);
        let stacks = take_many(&pool, 10);
        let low = stacks.iter().map(Stack::low).min().unwrap();
        let high = stacks.iter().map(|stack| stack.range().end).max().unwrap();
        let inside = mappings_inside(low..high);
        assert_eq!(inside, if guard == Guard::Mprotect { 19 } else { 0 });
        put_many(&pool, stacks);
    }
}

#[test]
fn cache_is_last_in_first_out() {
    let pool = pool(GuardKind::Auto, 64);
    let mut cache = LocalCache::new(&pool).unwrap();
    pool.reserve(CLASS, 3).unwrap();
    let stacks: Vec<_> = (0..3).map(|_| cache.take(&pool).unwrap()).collect();
    let lows: Vec<_> = stacks.iter().map(Stack::low).collect();
    stacks.into_iter().for_each(|stack| cache.put(&pool, stack));
    let again: Vec<_> = (0..3).map(|_| cache.take(&pool).unwrap()).collect();
    assert!(again.iter().map(Stack::low).eq(lows.into_iter().rev()));
    again.into_iter().for_each(|stack| cache.put(&pool, stack));
    cache.close(&pool);
}

#[test]
fn full_cache_gives_its_coldest_half_to_the_pool() {
    let pool = pool(GuardKind::Auto, 64);
    let mut cache = LocalCache::new(&pool).unwrap();
    let stacks = take_many(&pool, 33);
    let lows: Vec<_> = stacks.iter().map(Stack::low).collect();
    for (count, stack) in stacks.into_iter().enumerate() {
        assert_eq!(assert_sums(&pool).warm, 0, "after {count}");
        cache.put(&pool, stack);
    }
    assert_eq!(pool.statistics().warm, 16);
    // 17 are left here, the hottest first; then the pool's come, the hottest of them first.
    let again: Vec<_> = (0..33).map(|_| cache.take(&pool).unwrap()).collect();
    assert!(again.iter().map(Stack::low).eq(lows.into_iter().rev()));
    assert_eq!(pool.statistics().warm, 0);
    again.into_iter().for_each(|stack| cache.put(&pool, stack));
    cache.close(&pool);
    assert_eq!(assert_sums(&pool).taken, 0);
}

#[test]
fn reused_slots_come_before_fresh_ones() {
    let pool = pool(GuardKind::Auto, 4);
    let stacks = take_many(&pool, 10);
    let fresh = pool.statistics().fresh;
    put_many(&pool, stacks);
    let numbers = assert_sums(&pool);
    assert_eq!((numbers.warm, numbers.cold), (4, 6));
    let stacks = take_many(&pool, 11);
    for (count, stack) in stacks.iter().enumerate() {
        // The four warm ones still have their memory rules only; the cold ones have none.
        if count >= 4 {
            assert_eq!(resident_pages(stack.range()), 0);
        }
    }
    let numbers = assert_sums(&pool);
    assert_eq!((numbers.warm, numbers.cold, numbers.fresh), (0, 0, fresh - 1));
    put_many(&pool, stacks);
}

#[test]
fn returned_slots_are_reused_first_and_the_last_returned_before_the_others() {
    let pool = StackPool::new(Config { warm_max: 2, ..Config::default() }).unwrap();
    let stacks = take_many(&pool, 10);
    let lows: Vec<_> = stacks.iter().map(Stack::low).collect();
    put_many(&pool, stacks);
    assert_eq!(pool.settle(7), 7);
    let mut taken = Vec::new();
    for left in [(2, 2, 5), (1, 2, 5), (0, 2, 5), (0, 1, 5), (0, 0, 5), (0, 0, 4)] {
        taken.append(&mut take_many(&pool, 1));
        let numbers = assert_sums(&pool);
        assert_eq!((numbers.returned, numbers.warm, numbers.cold), left);
    }
    assert!(taken.iter().take(5).map(Stack::low).eq(lows[5..].iter().rev().copied()));
    put_many(&pool, taken);
    pool.trim(0);
    let numbers = assert_sums(&pool);
    assert_eq!((numbers.returned, numbers.warm, numbers.cold), (0, 0, 10));
}

#[test]
fn classes_do_not_mix() {
    let pool = pool(GuardKind::Auto, 8);
    let mut cache = LocalCache::new(&pool).unwrap();
    let large = SizeClass::for_bytes(1 << 20).unwrap();
    pool.reserve(large, 1).unwrap();
    let stack = pool.take(large).unwrap();
    let low = stack.low();
    assert_eq!(stack.class(), large);
    cache.put(&pool, stack);
    pool.reserve(CLASS, 1).unwrap();
    let other = cache.take(&pool).unwrap();
    assert_eq!(other.class(), CLASS);
    cache.put(&pool, other);
    let again = pool.take(large).unwrap();
    assert_eq!(again.low(), low);
    pool.put(again);
    cache.close(&pool);
}

#[test]
fn take_without_reservation_is_an_error() {
    for guard in BOTH {
        let pool = pool(guard, 8);
        assert_eq!(pool.take(CLASS).unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    }
}

#[test]
fn reservation_is_kept_whatever_the_caches_hold_back() {
    for guard in BOTH {
        let pool = pool(guard, 8);
        let mut caches: Vec<_> = (0..4).map(|_| LocalCache::new(&pool).unwrap()).collect();
        for round in 1..200 {
            pool.reserve(CLASS, round).unwrap();
            let mapped = pool.statistics().mapped;
            // All on one worker, and put back on another.
            let stacks: Vec<_> =
                (0..round).map(|_| caches[round % 4].take(&pool).unwrap()).collect();
            assert_eq!(pool.statistics().mapped, mapped);
            let other = &mut caches[(round + 1) % 4];
            stacks.into_iter().for_each(|stack| other.put(&pool, stack));
            pool.unreserve(CLASS, round);
        }
        caches.into_iter().for_each(|cache| cache.close(&pool));
        assert_eq!(assert_sums(&pool).taken, 0);
    }
}

#[test]
fn reservation_is_kept_while_another_settles_all_there_is() {
    let pool = StackPool::new(Config::default()).unwrap();
    pool.reserve(CLASS, 1).unwrap();
    let count = pool.statistics().mapped;
    let stacks = take_many(&pool, count - 1);
    pool.put(pool.take(CLASS).unwrap());
    put_many(&pool, stacks);
    let place = pool.place(CLASS);
    let mut settling = place.shelf.lock().take_returned(usize::MAX);
    assert_eq!(settling.len(), count);
    thread::scope(|scope| {
        let taker = scope.spawn(|| pool.take(CLASS));
        // Until it waits; being woken for nothing, it waits again.
        while !place.settled.notify_one() {
            assert!(!taker.is_finished(), "a reserved stack was refused");
            thread::yield_now();
        }
        pool.settle_batch(&place.shelf, &mut settling);
        place.finish_settling(count);
        pool.put(taker.join().unwrap().unwrap());
    });
    assert_eq!(assert_sums(&pool).taken, 0);
}

#[test]
fn cache_that_comes_late_keeps_reservations_whole() {
    let pool = pool(GuardKind::Mprotect, 8);
    pool.reserve(CLASS, 128).unwrap();
    let mut first = LocalCache::new(&pool).unwrap();
    let stacks: Vec<_> = (0..64).map(|_| pool.take(CLASS).unwrap()).collect();
    let held = first.take(&pool).unwrap();
    let rest: Vec<_> = (0..63).map(|_| pool.take(CLASS).unwrap()).collect();
    first.put(&pool, held);
    stacks.into_iter().chain(rest).for_each(|stack| first.put(&pool, stack));
    first.close(&pool);
}

#[test]
fn no_slot_has_two_holders() {
    for returned_max in [0, 64] {
        let config = Config { warm_max: 16, returned_max, ..Config::default() };
        hammer(&StackPool::new(config).unwrap());
    }
}

/// Four workers take, stamp, check and put back stacks, and settle now and then.
fn hammer(pool: &StackPool) {
    pool.reserve(CLASS, 4 * 100).unwrap();
    thread::scope(|scope| {
        for worker in 1..=4u64 {
            scope.spawn(move || {
                let mut cache = LocalCache::new(pool).unwrap();
                let mut held = Vec::new();
                let mut state = worker;
                for step in 0..20_000u64 {
                    // xorshift64, so that a failure repeats itself.
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    let stamp = worker << 32 | step;
                    if step % 64 == 0 {
                        pool.settle(16);
                    }
                    if held.len() < 100 && state % 100 < 30 + (step / 1000 % 2) * 40 {
                        let stack = cache.take(pool).unwrap();
                        let top = (stack.range().end - 8) as *mut u64;
                        // SAFETY: the slot is this thread's until it is put back.
                        unsafe { top.write_volatile(stamp) };
                        held.push((stack, stamp));
                    } else if !held.is_empty() {
                        let (stack, stamp) = held.swap_remove(state as usize % held.len());
                        let top = (stack.range().end - 8) as *const u64;
                        // SAFETY: as above.
                        assert_eq!(unsafe { top.read_volatile() }, stamp);
                        cache.put(pool, stack);
                    }
                }
                held.into_iter().for_each(|(stack, _)| cache.put(pool, stack));
                cache.close(pool);
            });
        }
    });
    let numbers = assert_sums(pool);
    assert_eq!(numbers.taken, 0);
    assert!(numbers.warm <= 16 && numbers.trims > 0 && numbers.releases > 0);
}
