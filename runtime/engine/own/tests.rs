//! Blocks and their pool, by hand; what users see of them is tested in `tests/own_locals`.

use super::block::Block;
use super::pool::LocalBlocks;
use super::{base, layout};
use crate::engine::worker::Worker;
use std::cell::Cell;
use std::collections::HashSet;
use std::ptr::NonNull;

/// What the calling thread is known by to C's mutexes.
fn number(layout: &layout::Layout) -> i32 {
    let descriptor = layout.descriptor_at(base::read());
    // SAFETY: a field of the calling thread's descriptor.
    unsafe { descriptor.add(layout.tid).cast::<i32>().read() }
}

/// Uses a block's thread-locals, without anything of a fiber.
fn visit<R>(block: NonNull<Block>, body: impl FnOnce() -> R) -> R {
    // SAFETY: the tests' own blocks; `body` neither unwinds nor leaves anything behind.
    unsafe { block.as_ref().visit(body) }
}

#[test]
fn each_block_has_a_number_that_no_thread_has() {
    let layout = layout::find().unwrap();
    // SAFETY: no preconditions.
    assert_eq!(number(layout), unsafe { libc::gettid() });
    let mut blocks = LocalBlocks::new();
    let taken: Vec<_> = (0..50).map(|_| blocks.take().unwrap()).collect();
    let numbers: HashSet<i32> =
        taken.iter().map(|&block| visit(block, || number(layout))).collect();
    assert_eq!(numbers.len(), taken.len());
    assert!(numbers.iter().all(|&number| number >= 1 << 22));
    taken.into_iter().for_each(|block| blocks.put(block));
    blocks.close();
}

#[test]
fn what_a_worker_gives_back_is_used_again() {
    layout::find().unwrap();
    let mut blocks = LocalBlocks::new();
    let mut taken: Vec<_> = (0..300).map(|_| blocks.take().unwrap()).collect();
    let known: HashSet<_> = taken.iter().copied().collect();
    // More than a worker keeps, so that some go to the process and come back.
    taken.drain(..).for_each(|block| blocks.put(block));
    let again: Vec<_> = (0..200).map(|_| blocks.take().unwrap()).collect();
    let fresh = again.iter().filter(|block| !known.contains(block)).count();
    // Those of other tests, which run beside this one, may come instead.
    assert!(fresh <= 100, "{fresh} of 200 are new");
    again.into_iter().for_each(|block| blocks.put(block));
    blocks.close();
}

#[test]
fn a_kernel_that_forbids_the_instruction_is_asked_instead() {
    thread_local!(static VALUE: Cell<u32> = const { Cell::new(3) });
    layout::find().unwrap();
    let mut blocks = LocalBlocks::new();
    let block = blocks.take().unwrap();
    VALUE.set(4);
    #[inline(never)]
    fn replace(value: u32) -> u32 {
        VALUE.replace(value)
    }
    #[cfg(target_arch = "x86_64")]
    let seen = base::with_system_calls(|| (visit(block, || replace(5)), replace(6)));
    #[cfg(not(target_arch = "x86_64"))]
    let seen = (visit(block, || replace(5)), replace(6));
    // SAFETY: nothing of it is in use; a stand-in for the worker that no code looks at.
    let renewed = visit(block, || {
        let word = Worker::adopt(std::ptr::null());
        // SAFETY: thread-locals of this block.
        unsafe { super::modules::renew(base::read()) };
        let again = replace(7);
        // SAFETY: as above.
        assert!(unsafe { word.as_ref() }.get().is_null());
        again
    });
    assert_eq!((seen, renewed), ((3, 4), 3));
    blocks.put(block);
    blocks.close();
}
