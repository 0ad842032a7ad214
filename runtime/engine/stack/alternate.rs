//! The stack on which a worker's fault handler runs: the one that overflowed has no room for it.
//!
//! std gives the threads that it makes such a stack of 8 KiB, threads of other makers mostly have
//! none, and on machines with large register files (AMX) the kernel's own frame fills 8 KiB.

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

use super::size::page_size;

/// Room that our handler needs above the kernel's frame: its message of 512 bytes and the calls
/// around it, several times over.
const ROOM_NEEDED_BYTES: usize = 4 << 10;

/// Room in an alternate stack of our own: a handler chained behind ours may print a backtrace.
const ROOM_BYTES: usize = 64 << 10;

/// Keeps the calling thread provided with an alternate signal stack until it is dropped.
///
/// It is not `Send`: it has to be dropped by the thread that it serves.
#[derive(Debug)]
pub(crate) struct AlternateStack {
    own: Option<Own>,
    _not_send: PhantomData<*mut ()>,
}

/// A signal stack of ours and what was set before it.
#[derive(Debug)]
struct Own {
    mapping: *mut libc::c_void,
    size_bytes: usize,
    previous: libc::stack_t,
}

impl AlternateStack {
    /// Leaves the thread's alternate stack in place if it is large enough, or sets a new one with a
    /// guard page below it.
    ///
    /// # Errors
    ///
    /// The system's when the new stack cannot be mapped or set.
    pub(crate) fn ensure() -> io::Result<AlternateStack> {
        let frame_bytes = frame_bytes();
        let previous = current()?;
        let is_enabled = previous.ss_flags & libc::SS_DISABLE == 0;
        if is_enabled && previous.ss_size >= frame_bytes + ROOM_NEEDED_BYTES {
            return Ok(AlternateStack { own: None, _not_send: PhantomData });
        }
        let stack_bytes = (frame_bytes + ROOM_BYTES).next_multiple_of(page_size());
        let size_bytes = page_size() + stack_bytes;
        // SAFETY: a new mapping, whose lowest page is taken back as a guard before anyone knows it.
        unsafe {
            let mapping = libc::mmap(
                ptr::null_mut(),
                size_bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK,
                -1,
                0,
            );
            if mapping == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            let stack = libc::stack_t {
                ss_sp: mapping.byte_add(page_size()),
                ss_flags: 0,
                ss_size: stack_bytes,
            };
            if libc::mprotect(mapping, page_size(), libc::PROT_NONE) != 0
                || libc::sigaltstack(&stack, ptr::null_mut()) != 0
            {
                let error = io::Error::last_os_error();
                libc::munmap(mapping, size_bytes);
                return Err(error);
            }
            Ok(AlternateStack {
                own: Some(Own { mapping, size_bytes, previous }),
                _not_send: PhantomData,
            })
        }
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        let Some(Own { mapping, size_bytes, mut previous }) = self.own.take() else { return };
        // Somebody who has set another stack since may remember ours and set it again: then it
        // has to stay mapped.
        let ours = mapping.wrapping_byte_add(page_size());
        if !current().is_ok_and(|current| current.ss_sp == ours) {
            return;
        }
        if previous.ss_flags & libc::SS_DISABLE != 0 {
            // Old kernels check the size even when nothing is to be set.
            previous.ss_size = size_bytes;
        }
        // SAFETY: `previous` is what this thread had before. The mapping is ours, and the kernel
        // refuses with EPERM if this thread runs on it just now.
        unsafe {
            if libc::sigaltstack(&previous, ptr::null_mut()) == 0 {
                libc::munmap(mapping, size_bytes);
            }
        }
    }
}

/// The calling thread's alternate stack.
fn current() -> io::Result<libc::stack_t> {
    let mut stack = MaybeUninit::uninit();
    // SAFETY: `stack` is writable; the kernel fills it in whole when it succeeds.
    unsafe {
        if libc::sigaltstack(ptr::null(), stack.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack.assume_init())
    }
}

/// Bytes that the kernel's signal frame takes on this machine.
fn frame_bytes() -> usize {
    // SAFETY: getauxval has no preconditions; it gives 0 for what the kernel does not tell.
    let told = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
    told.max(libc::MINSIGSTKSZ)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Sets `size_bytes` of leaked memory as the alternate stack of this thread.
    fn set_alternate_stack(size_bytes: usize) -> *mut libc::c_void {
        let memory = Vec::leak(vec![0u8; size_bytes]).as_mut_ptr().cast();
        let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: size_bytes };
        // SAFETY: the memory is leaked, so it outlives the thread.
        assert_eq!(unsafe { libc::sigaltstack(&stack, ptr::null_mut()) }, 0);
        memory
    }

    fn disable_alternate_stack() {
        let stack = libc::stack_t {
            ss_sp: ptr::null_mut(),
            ss_flags: libc::SS_DISABLE,
            ss_size: libc::MINSIGSTKSZ,
        };
        // SAFETY: the thread's own setting.
        assert_eq!(unsafe { libc::sigaltstack(&stack, ptr::null_mut()) }, 0);
    }

    /// Runs `body` on a thread and hands std's own alternate stack back to it at the end.
    fn on_thread(body: impl FnOnce() + Send + 'static) {
        thread::spawn(|| {
            let std_stack = current().unwrap();
            body();
            // SAFETY: std's own stack, as it was.
            assert_eq!(unsafe { libc::sigaltstack(&std_stack, ptr::null_mut()) }, 0);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn large_stack_of_the_thread_is_used() {
        on_thread(|| {
            let memory = set_alternate_stack(256 << 10);
            let guard = AlternateStack::ensure().unwrap();
            assert_eq!(current().unwrap().ss_sp, memory);
            drop(guard);
            assert_eq!(current().unwrap().ss_sp, memory);
        });
    }

    #[test]
    fn small_stack_is_replaced_and_restored() {
        on_thread(|| {
            let memory = set_alternate_stack(frame_bytes() + 1024);
            let guard = AlternateStack::ensure().unwrap();
            assert_ne!(current().unwrap().ss_sp, memory);
            assert!(current().unwrap().ss_size >= frame_bytes() + ROOM_BYTES);
            drop(guard);
            assert_eq!(current().unwrap().ss_sp, memory);
        });
    }

    #[test]
    fn missing_stack_is_made_and_taken_away_again() {
        on_thread(|| {
            disable_alternate_stack();
            let guard = AlternateStack::ensure().unwrap();
            assert_eq!(current().unwrap().ss_flags & libc::SS_DISABLE, 0);
            drop(guard);
            assert_ne!(current().unwrap().ss_flags & libc::SS_DISABLE, 0);
        });
    }

    #[test]
    fn stack_set_by_somebody_else_is_left_alone() {
        on_thread(|| {
            disable_alternate_stack();
            let guard = AlternateStack::ensure().unwrap();
            let memory = set_alternate_stack(64 << 10);
            drop(guard);
            assert_eq!(current().unwrap().ss_sp, memory);
        });
    }
}
