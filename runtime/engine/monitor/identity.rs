//! Who runs on a worker, as another thread sees it.
//!
//! The fiber may end at any moment, and its header be freed. So the header is copied by the kernel,
//! which gives an error for an address that is not mapped, and the copy counts only if the worker's
//! pulse is the same before and after: then the fiber has run throughout, and what it was born with
//! never changes. That is a seqlock, whose writer pays nothing (`pace`, Orderings).
//!
//! # Rejected
//!
//! Hazard pointers: a fence, or at least a look at a word, for each fiber that ends.

use super::memory;
use crate::engine::atomic::{Ordering, fence};
use crate::engine::fiber::{Birth, Header};
use crate::engine::pace::{Beat, Pulse};
use std::mem::{self, MaybeUninit, offset_of};
use std::panic::Location;
use std::ptr::NonNull;
use std::slice;

/// Bytes of a name that are reported.
const NAME_BYTES: usize = 256;

/// A green thread by what it was born with.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    pub(super) site: &'static Location<'static>,
}

/// What can be said of who ran at a beat.
#[derive(Debug)]
pub(super) enum Found {
    Running(Identity),
    /// The system does not let us look.
    Unreadable,
    /// It runs no more.
    Gone,
}

/// Finds out who runs, if it has run since `beat`.
pub(super) fn find(pulse: &Pulse, beat: Beat) -> Found {
    let address = beat.fiber.wrapping_byte_add(offset_of!(Header, birth)).cast::<Birth>();
    let mut birth = MaybeUninit::<Birth>::zeroed();
    // SAFETY: its own bytes, all of them zero.
    let bytes =
        unsafe { slice::from_raw_parts_mut(birth.as_mut_ptr().cast::<u8>(), size_of::<Birth>()) };
    let is_copied = memory::copy(address.cast(), bytes);
    if !is_same(pulse, beat) {
        return Found::Gone;
    }
    if !is_copied {
        return Found::Unreadable;
    }
    let birth = birth.as_ptr();
    // SAFETY: the copy is that of a green thread that is alive, and these were never written since
    // its birth. The name is looked at as a plain pointer, which is null for none, as `Box` in an
    // `Option` is: nothing here owns it.
    let (id, site, name) = unsafe {
        let name = mem::transmute_copy::<_, Option<NonNull<str>>>(
            &*(&raw const (*birth).name).cast::<MaybeUninit<Option<Box<str>>>>(),
        );
        ((*birth).id, (*birth).site, name)
    };
    let mut text = name.map(|name| vec![0; (name.as_ptr() as *const [u8]).len().min(NAME_BYTES)]);
    if let (Some(name), Some(text)) = (name, &mut text) {
        let is_read = memory::copy(name.as_ptr().cast(), text);
        if !is_same(pulse, beat) {
            return Found::Gone;
        }
        if !is_read {
            return Found::Unreadable;
        }
    }
    let name = text.map(|text| String::from_utf8_lossy(&text).into_owned());
    Found::Running(Identity { id, name, site })
}

/// Whether nothing has been freed of the fiber that ran at `beat`.
fn is_same(pulse: &Pulse, beat: Beat) -> bool {
    // Acquire pairs with `Pulse::ended`: if something was read that was written after the freeing,
    // then the pulse is read as it was after the end.
    fence(Ordering::Acquire);
    pulse.beat() == beat
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::atomic::{AtomicBool, Ordering::Relaxed};
    use crate::engine::monitor::Monitor;
    use crate::engine::{Builder, RuntimeBuilder};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    /// Green threads come and go, and so does the memory of their names, while they are looked at.
    #[test]
    fn whoever_is_found_is_found_whole() {
        let monitor = Monitor::new().threshold(Duration::from_secs(1000)).without_backtraces();
        let runtime = RuntimeBuilder::new().workers(1).monitor(monitor).build().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let churn = runtime.spawn(move || {
            let mut number = 0_u64;
            while !ends.load(Relaxed) {
                number += 1;
                let length = (number % 61) as usize;
                let name = format!("name-{number}-{}", "x".repeat(length));
                let runs = || drop(std::hint::black_box(vec![b'y'; 80]));
                Builder::new().name(name).spawn(runs).unwrap().join().unwrap();
            }
        });
        let start = Instant::now();
        let mut found = 0;
        while start.elapsed() < Duration::from_millis(300) || found < 100 {
            assert!(start.elapsed() < Duration::from_secs(10), "{found} found");
            let post = runtime.shared.remotes()[0].post.0.lock();
            let Some(subject) = &*post else { continue };
            // SAFETY: it stands in the post, so the worker is there.
            let pulse = unsafe { subject.pulse.as_ref() };
            let beat = pulse.beat();
            if beat.fiber.is_null() {
                continue;
            }
            let Found::Running(identity) = find(pulse, beat) else { continue };
            assert_eq!(identity.site.file(), file!());
            if let Some(name) = identity.name {
                let (number, rest) = name.strip_prefix("name-").unwrap().split_once('-').unwrap();
                let length = number.parse::<usize>().unwrap() % 61;
                assert_eq!(rest, "x".repeat(length));
                found += 1;
            }
        }
        is_over.store(true, Relaxed);
        churn.join().unwrap();
    }
}
