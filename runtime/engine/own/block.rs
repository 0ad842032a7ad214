//! One block of thread-locals: how it is made, and how a fiber's code is run with it.
//!
//! What `_dl_allocate_tls` leaves to the C library's own starter of threads is filled in here: the
//! header, a number that no thread has, empty lists of threads and of robust mutexes, the first
//! level of the values of pthread keys, the resolver's state, and the word that says on which
//! processor the thread runs, which the kernel never updates in a block: it says "ask the kernel".
//!
//! # Invariants
//!
//! 1. A block does not move: `worker` may point into it.
//! 2. Its number is its own for as long as the process lives, and above every number of a thread.
//! 3. A block is never freed once code has run with it: malloc's cache for its thread hangs off it,
//!    and the C library frees that for threads of its own alone. It is used again.

use super::base;
use super::end;
use super::layout::{self, Layout};
use super::modules;
use super::probe::RobustHead;
use crate::engine::atomic::{AtomicU32, Ordering};
use crate::engine::fiber::{FiberCoroutine, Suspend};
use crate::engine::worker::Worker;
use corosensei::CoroutineResult;
use std::cell::Cell;
use std::ffi::c_void;
use std::io;
use std::ptr::{self, NonNull};

/// The first number of a block: the kernel's `PID_MAX_LIMIT`, above which no thread is numbered.
const FIRST_NUMBER: u32 = 1 << 22;

/// The first number that is none: `FUTEX_TID_MASK`, what a futex can name as its owner.
const NUMBERS_END: u32 = 0x3fff_ffff;

/// `cpu_id` of an area of restartable sequences that the kernel does not know.
const NO_PROCESSOR: u32 = u32::MAX;

static NUMBERS: AtomicU32 = AtomicU32::new(FIRST_NUMBER);

/// The word by which the engine knows its worker.
pub(in crate::engine) type WorkerWord = Cell<*const Worker>;

/// A block, apart from the memory that it describes.
#[derive(Debug)]
pub(in crate::engine) struct Block {
    /// Its thread pointer.
    base: *mut u8,
    /// Where the engine's word lies in the block; in `first` until a fiber has found it.
    word: Cell<NonNull<WorkerWord>>,
    first: WorkerWord,
    /// Whether code has run with it, so that its thread-locals are to be made anew.
    is_used: Cell<bool>,
}

impl Block {
    /// Makes a block.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn new(layout: &Layout) -> io::Result<NonNull<Block>> {
        let number = NUMBERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| {
            (number < NUMBERS_END).then_some(number + 1)
        });
        let number = number.map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        // SAFETY: it allocates by itself if it is given nothing.
        let base = unsafe { (layout.functions.allocate)(ptr::null_mut()) }.cast::<u8>();
        if base.is_null() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        // SAFETY: new, and nobody's.
        unsafe { fill_in(layout, base, number) };
        let first = Cell::new(ptr::null());
        let (word, is_used) = (Cell::new(NonNull::dangling()), Cell::new(false));
        let block = Box::into_raw(Box::new(Block { base, word, first, is_used }));
        let block = NonNull::new(block).expect("a box is somewhere");
        // SAFETY: made just now.
        let made = unsafe { block.as_ref() };
        made.word.set(NonNull::from(&made.first));
        Ok(block)
    }

    /// The thread pointer of code that runs with it.
    pub(super) fn base(&self) -> *mut u8 {
        self.base
    }

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// It is the caller's, no fiber has run with it, and what did allocated nothing.
    pub(super) unsafe fn discard(block: NonNull<Block>, layout: &Layout) {
        // SAFETY: from `Box::into_raw` in `new`, and the caller's.
        let block = unsafe { Box::from_raw(block.as_ptr()) };
        // SAFETY: from the function's counterpart; it has allocated the memory, too.
        unsafe { (layout.functions.deallocate)(block.base.cast::<c_void>(), true) };
    }

    /// What code is run with.
    pub(in crate::engine) fn pointer(&self) -> ThreadPointer {
        ThreadPointer { base: self.base, word: self.word.get() }
    }

    /// Calls `visit` with this block's thread-locals.
    ///
    /// # Safety
    ///
    /// `visit` makes calls into the C library alone, and does not unwind.
    #[inline(never)]
    pub(super) unsafe fn visit<R>(&self, visit: impl FnOnce() -> R) -> R {
        let own = base::read();
        // SAFETY: as in `resume`.
        unsafe { base::write(self.base) };
        let result = visit();
        // SAFETY: as in `resume`.
        unsafe { base::write(own) };
        result
    }

    /// Makes the thread-locals ready for a fiber's closure: those that a former fiber has left are
    /// made anew. The one place for what is to be set up in each fiber's block. Returns what the
    /// fiber is resumed with from now on.
    ///
    /// # Safety
    ///
    /// By a fiber of this block, on its own stack, before anything else.
    #[inline(never)]
    pub(in crate::engine) unsafe fn begin(&self) -> ThreadPointer {
        // SAFETY: as in `resume`.
        let worker = unsafe { self.word.get().as_ref() }.get();
        if self.is_used.replace(true) {
            // SAFETY: nothing of the former fiber is left, and of this one there is nothing yet.
            unsafe { modules::renew(self.base) };
            // SAFETY: `errno` of this block, which lies in the C library's module.
            unsafe { *libc::__errno_location() = 0 };
        } else {
            // SAFETY: sets thread-locals of this block up.
            unsafe { (layout::found().functions.init_character_classes)() };
        }
        self.word.set(Worker::adopt(worker));
        self.pointer()
    }

    /// Ends the thread-locals: runs their destructors, which may wait.
    ///
    /// # Safety
    ///
    /// By a fiber of this block, on its own stack, when it is through with everything else.
    #[inline(never)]
    pub(in crate::engine) unsafe fn end(&self) {
        let layout = layout::found();
        // SAFETY: passed on.
        unsafe { end::run_destructors(layout, layout.descriptor_at(self.base)) };
    }
}

/// What of a block is needed at each switch. Kept with the fiber, where the rest of what a switch
/// needs lies: with thousands of fibers each further place is out of the cache.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct ThreadPointer {
    base: *mut u8,
    word: NonNull<WorkerWord>,
}

impl ThreadPointer {
    /// Where the engine's word lies.
    pub(in crate::engine) fn word(self) -> *const WorkerWord {
        self.word.as_ptr()
    }

    /// Runs a fiber with the block until it gives its worker back.
    ///
    /// Never inlined: the compiler takes the address of a thread-local for something that does not
    /// change within a function, and may compute one wherever it likes.
    ///
    /// # Safety
    ///
    /// The block is the fiber's (`own` invariant 2), which nobody else resumes, and which is to run
    /// on `worker`, the calling thread's.
    #[inline(never)]
    pub(in crate::engine) unsafe fn resume(
        self,
        worker: *const Worker,
        coroutine: &mut FiberCoroutine,
    ) -> CoroutineResult<Suspend, ()> {
        // SAFETY: it lies in the block or its thread-locals, which last as long as the block.
        unsafe { self.word.as_ref() }.set(worker);
        let own = base::read();
        // SAFETY: only the fiber runs until the register is set back, in the next but one line.
        unsafe { base::write(self.base) };
        let result = coroutine.resume(());
        // SAFETY: the calling thread's own.
        unsafe { base::write(own) };
        result
    }
}

/// Fills in what the starter of a thread would.
///
/// # Safety
///
/// `base` is a new block's.
unsafe fn fill_in(layout: &Layout, base: *mut u8, number: u32) {
    let descriptor = layout.descriptor_at(base);
    // SAFETY: all of these lie in the block, in fields that were looked at in a thread of its own
    // (`probe`).
    unsafe {
        base::fill_header(base);
        descriptor.add(layout.tid).cast::<u32>().write(number);
        // A list of its own: a child that is forked by its fiber takes it out.
        let list = descriptor.add(layout.list).cast::<[*mut u8; 2]>();
        list.write([list.cast(); 2]);
        let robust = layout.robust;
        let head = base.offset(robust.head).cast::<RobustHead>();
        head.write(RobustHead {
            first: head,
            futex_offset: robust.futex_offset,
            pending: ptr::null_mut(),
        });
        if robust.has_pointer_back {
            head.cast::<*mut RobustHead>().sub(1).write(head);
        }
        let first_level = base.offset(layout.keys.first_level);
        descriptor.add(layout.keys.levels).cast::<*mut u8>().write(first_level);
        if let Some((word, state)) = layout.resolver {
            base.offset(word).cast::<*mut u8>().write(base.offset(state));
        }
        if let Some(area) = layout.rseq {
            // `cpu_id_start`, which is never negative, and `cpu_id`.
            base.offset(area).cast::<[u32; 2]>().write([0, NO_PROCESSOR]);
        }
    }
}
