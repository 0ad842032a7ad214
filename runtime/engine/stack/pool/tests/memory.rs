//! What stays resident: trimming, the bounds on warm and returned slots, and settling.

use super::*;

#[test]
fn deep_use_is_trimmed_on_the_way_to_the_pool() {
    for guard in BOTH {
        let pool = pool(guard, 64);
        let mut cache = LocalCache::new(&pool).unwrap();
        let stacks = take_many(&pool, 32);
        let ranges: Vec<_> = stacks.iter().map(body).collect();
        stacks.iter().for_each(|stack| touch(body(stack)));
        stacks.into_iter().for_each(|stack| cache.put(&pool, stack));
        for range in &ranges {
            assert_eq!(resident_pages(range.clone()), CLASS.bytes() / page_size());
        }
        cache.flush(&pool);
        let kept = KEPT_BYTES.div_ceil(page_size());
        for range in &ranges {
            assert_eq!(resident_pages(range.clone()), kept, "{guard:?}");
            assert_eq!(resident_pages(range.end - kept * page_size()..range.end), kept);
        }
        assert_eq!(pool.statistics().trims, 32);
        cache.close(&pool);
    }
}

#[test]
fn warm_bound_holds_and_slots_beyond_it_lose_their_memory() {
    for guard in BOTH {
        let pool = pool(guard, 20);
        let mut cache = LocalCache::new(&pool).unwrap();
        let stacks = take_many(&pool, 100);
        let ranges: Vec<_> = stacks.iter().map(Stack::range).collect();
        stacks.iter().for_each(|stack| touch(stack.range().end - page_size()..stack.range().end));
        for stack in stacks {
            cache.put(&pool, stack);
            assert!(assert_sums(&pool).warm <= 20);
        }
        cache.flush(&pool);
        let numbers = assert_sums(&pool);
        assert_eq!((numbers.warm, numbers.cold, numbers.taken), (20, 80, 0));
        assert_eq!(numbers.releases, 80);
        let resident = ranges.iter().map(|range| resident_pages(range.clone())).sum::<usize>();
        assert_eq!(resident, 20);
        cache.close(&pool);
    }
}

#[test]
fn returned_slots_keep_their_memory_until_they_are_settled_piece_by_piece() {
    let config = Config { warm_max: 20, returned_max: 40, ..Config::default() };
    let pool = StackPool::new(config).unwrap();
    assert_eq!(pool.settle(16), 0);
    let stacks = take_many(&pool, 40);
    let ranges: Vec<_> = stacks.iter().map(body).collect();
    stacks.iter().for_each(|stack| touch(body(stack)));
    put_many(&pool, stacks);
    let (all, kept) = (CLASS.bytes() / page_size(), KEPT_BYTES.div_ceil(page_size()));
    let resident = || ranges.iter().map(|range| resident_pages(range.clone())).sum::<usize>();
    assert_eq!(resident(), 40 * all);
    // settled, then: returned, warm, cold
    for (settled, left) in
        [(16, (24, 16, 0)), (16, (8, 20, 12)), (8, (0, 20, 20)), (0, (0, 20, 20))]
    {
        assert_eq!(pool.settle(16), settled);
        let numbers = assert_sums(&pool);
        assert_eq!((numbers.returned, numbers.warm, numbers.cold), left);
        assert_eq!(resident(), left.0 * all + left.1 * kept);
    }
}

#[test]
fn returned_slots_beyond_their_bound_are_settled_at_once() {
    let config = Config { warm_max: 8, returned_max: 10, ..Config::default() };
    let pool = StackPool::new(config).unwrap();
    let stacks = take_many(&pool, 30);
    put_many(&pool, stacks);
    let numbers = assert_sums(&pool);
    assert_eq!((numbers.returned, numbers.warm, numbers.cold), (10, 8, 12));
}

#[test]
fn idle_pool_is_trimmed_to_what_is_kept() {
    let pool = pool(GuardKind::Auto, 64);
    let stacks = take_many(&pool, 50);
    let ranges: Vec<_> = stacks.iter().map(Stack::range).collect();
    stacks.iter().for_each(|stack| touch(stack.range().end - page_size()..stack.range().end));
    put_many(&pool, stacks);
    let resident = || ranges.iter().map(|range| resident_pages(range.clone())).sum::<usize>();
    assert_eq!(resident(), 50);
    pool.trim(7);
    let numbers = assert_sums(&pool);
    assert_eq!((numbers.warm, numbers.cold), (7, 43));
    assert_eq!(resident(), 7);
    // The hottest are kept: those put back last.
    let kept = &ranges[43..];
    assert_eq!(kept.iter().map(|range| resident_pages(range.clone())).sum::<usize>(), 7);
    pool.trim(7);
    assert_eq!(pool.statistics().releases, 43);
}

#[test]
fn reservation_costs_address_space_only() {
    let pool = pool(GuardKind::Auto, 8);
    for _ in 0..100_000 {
        pool.reserve(CLASS, 1).unwrap();
    }
    let numbers = assert_sums(&pool);
    assert!(numbers.mapped >= 100_000 && numbers.mapped < 110_000);
    assert_eq!(numbers.reserved, 100_000);
    assert_eq!(numbers.fresh, numbers.mapped);
    assert!(numbers.slabs < 32, "{}", numbers.slabs);
    pool.unreserve(CLASS, 100_000);
    pool.reserve(CLASS, 100_000).unwrap();
    assert_eq!(pool.statistics().mapped, numbers.mapped);
}
