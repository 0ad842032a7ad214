//! Where a coroutine that lies still has its registers.
//!
//! corosensei pushes them on the coroutine's stack and keeps the stack pointer, in a field of its
//! own that it shows to nobody. Where that field is, is found out once, by a coroutine of ours: it
//! is the word that changes when the coroutine runs.

use super::fiber::{FiberCoroutine, Suspend};
use super::stack::{Config, SizeClass, StackPool};
use std::ptr;
use std::sync::OnceLock;

const WORDS: usize = size_of::<FiberCoroutine>() / size_of::<usize>();

// No padding, so that each word can be read.
const _: () = assert!(WORDS * size_of::<usize>() == size_of::<FiberCoroutine>());

// `None` is told by a word that is never 0, so there is nothing in front of the coroutine.
const _: () = assert!(size_of::<Option<FiberCoroutine>>() == size_of::<FiberCoroutine>());

/// The words of a coroutine that does not run.
fn words(coroutine: &FiberCoroutine) -> [usize; WORDS] {
    let first = ptr::from_ref(coroutine).cast::<usize>();
    // SAFETY: as many words as there are, all of them initialised.
    std::array::from_fn(|index| unsafe { first.add(index).read() })
}

/// The offset of the stack pointer in a coroutine, in bytes. None if there is no memory for a stack
/// to find out with, or if corosensei is not as it was.
pub(super) fn stack_pointer_offset() -> Option<usize> {
    static OFFSET: OnceLock<Option<usize>> = OnceLock::new();
    *OFFSET.get_or_init(|| {
        let pool = StackPool::new(Config::default()).ok()?;
        let class = SizeClass::DEFAULT;
        pool.reserve(class, 1).ok()?;
        let stack = pool.take(class).ok()?;
        let range = stack.range();
        let mut coroutine = FiberCoroutine::with_stack(stack, |yielder, ()| {
            yielder.suspend(Suspend::Yield);
        });
        let before = words(&coroutine);
        let _ = coroutine.resume(());
        let after = words(&coroutine);
        let _ = coroutine.resume(());
        pool.put(coroutine.into_stack());
        pool.unreserve(class, 1);
        let mut changed = (0..WORDS).filter(|&index| before[index] != after[index]);
        let only = changed.next().filter(|_| changed.next().is_none())?;
        range.contains(&after[only]).then_some(only * size_of::<usize>())
    })
}

/// The stack pointer of a coroutine that lies still, below which its registers lie. None if that
/// cannot be found out.
pub(super) fn stack_pointer(coroutine: &FiberCoroutine) -> Option<usize> {
    let offset = stack_pointer_offset()?;
    Some(words(coroutine)[offset / size_of::<usize>()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fiber::Header;

    #[test]
    fn the_stack_pointer_of_a_coroutine_is_found() {
        assert!(stack_pointer_offset().is_some());
        assert_eq!(align_of::<Header>() % align_of::<usize>(), 0);
    }
}
