//! `select` and `pselect`: as `poll`, with sets of bits.
//!
//! The kernel looks at copies of the sets; theirs the caller gets written when there is an answer.

use crate::gate;
use crate::poll::{self, MASK_BYTES};
use crate::pool::Pauses;
use crate::raw::{self, Answer, Sysno};
use crate::sleep::{from_timespec, to_timespec};
use greenstd_runtime::park;
use greenstd_runtime::poller::{self, PollFd, PollFlags};
use greenstd_runtime::time;
use libc::{c_int, fd_set, sigset_t, timespec, timeval};
use std::ptr;
use std::time::Duration;

/// The words of a `fd_set`. The kernel takes larger ones, too.
const WORDS: usize = size_of::<fd_set>() / size_of::<usize>();

hooks! {
    /// As Linux's: what is left of the time is written back.
    fn select[__select](
        numbers: c_int,
        reads: *mut fd_set,
        writes: *mut fd_set,
        exceptions: *mut fd_set,
        timeout: *mut timeval,
    ) -> c_int {
        let sets = Sets { numbers, sets: [reads, writes, exceptions] };
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { select_any(&sets, timeout) }) as c_int
    }

    /// As `select`, with nanoseconds that stay as they are. The mask holds now and then during the
    /// wait.
    fn pselect(
        numbers: c_int,
        reads: *mut fd_set,
        writes: *mut fd_set,
        exceptions: *mut fd_set,
        timeout: *const timespec,
        mask: *const sigset_t,
    ) -> c_int {
        let sets = Sets { numbers, sets: [reads, writes, exceptions] };
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { pselect_any(&sets, timeout, mask) }) as c_int
    }
}

/// The caller's sets, each of which may be missing.
struct Sets {
    numbers: c_int,
    sets: [*mut fd_set; 3],
}

/// Room for three sets.
#[expect(clippy::large_enum_variant, reason = "nothing is allocated before the first look")]
enum Copies {
    Usual([usize; 3 * WORDS]),
    Large(Vec<usize>),
}

/// # Safety
///
/// As `select`.
unsafe fn select_any(sets: &Sets, timeout: *mut timeval) -> Answer {
    // SAFETY: the caller's pointer, which the C library's own call reads, too.
    let Some(time) = (unsafe { timeout.as_mut() }) else {
        // SAFETY: the caller's pointers.
        return unsafe { pselect_any(sets, ptr::null(), ptr::null()) };
    };
    let (seconds, micros) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_usec));
    let (Ok(seconds), Ok(micros)) = (seconds, micros) else { return Err(libc::EINVAL) };
    let whole = Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros));
    let start = time::now();
    // SAFETY: the caller's pointers, and a time of ours.
    let answer = unsafe { pselect_any(sets, &to_timespec(whole), ptr::null()) };
    let left = match answer {
        Ok(0) => Duration::ZERO,
        _ => whole.saturating_sub(time::now() - start),
    };
    time.tv_sec = left.as_secs().try_into().unwrap_or(libc::time_t::MAX);
    time.tv_usec = left.subsec_micros().into();
    answer
}

/// # Safety
///
/// As `pselect`.
unsafe fn pselect_any(sets: &Sets, timeout: *const timespec, mask: *const sigset_t) -> Answer {
    // SAFETY: the caller's pointer, which the C library's own call reads, too.
    let mut time = unsafe { timeout.as_ref() }.copied();
    if !gate::is_cooperative() {
        let time = time.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
        // SAFETY: passed on; the time is ours.
        return unsafe { call(sets.numbers, sets.sets.map(<*mut fd_set>::addr), time, mask) };
    }
    let timeout = match &time {
        Some(time) => Some(from_timespec(time).ok_or(libc::EINVAL)?),
        None => None,
    };
    if sets.numbers < 0 {
        return Err(libc::EINVAL);
    }
    // SAFETY: the caller's pointers.
    unsafe { select_parked(sets, timeout, mask) }
}

/// # Safety
///
/// As the kernel's `pselect6`.
unsafe fn call(
    numbers: c_int,
    [reads, writes, exceptions]: [usize; 3],
    timeout: *mut timespec,
    mask: *const sigset_t,
) -> Answer {
    let mask = [mask.addr(), MASK_BYTES];
    let mask = mask.as_ptr().addr();
    let arguments = [numbers as usize, reads, writes, exceptions, timeout.addr(), mask];
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::pselect6, arguments) }
}

/// # Safety
///
/// As `pselect`.
unsafe fn select_parked(sets: &Sets, timeout: Option<Duration>, mask: *const sigset_t) -> Answer {
    let mut copies = Copies::of(sets.words());
    // SAFETY: the caller's pointers.
    let found = unsafe { sets.look(&mut copies, mask, timeout == Some(Duration::ZERO)) }?;
    if found > 0 {
        return Ok(found);
    }
    if timeout == Some(Duration::ZERO) {
        // Who asks again and again may be waiting for a neighbour.
        gate::blocking(park::spend_budget)?;
        return Ok(0);
    }
    let deadline = timeout.and_then(|timeout| time::now().checked_add(timeout));
    // SAFETY: the caller's pointers.
    let mut list = unsafe { sets.to_list() };
    let mut pauses = Pauses::new();
    loop {
        let left = poll::left_until(poll::next_look(deadline, mask));
        let told = gate::blocking(|| poller::poll(&mut list, left))?;
        let is_late = poll::has_passed(deadline);
        // SAFETY: the caller's pointers.
        let found = unsafe { sets.look(&mut copies, mask, is_late) }?;
        if found > 0 || is_late {
            return Ok(found);
        }
        if !matches!(told, Ok(0)) {
            // There is no room in the reactor; or `poll` tells of what is nothing to `select`, as a
            // hang-up to a writer. What is left is to look again.
            pauses.pause(poll::left_until(deadline))?;
        }
    }
}

impl Sets {
    fn words(&self) -> usize {
        (self.numbers as usize).div_ceil(usize::BITS as usize)
    }

    /// Asks the kernel, under a mask of signals, without waiting. Writes the caller's sets if it
    /// has found anything, or is asked for the last time.
    ///
    /// # Safety
    ///
    /// As `pselect`.
    unsafe fn look(&self, copies: &mut Copies, mask: *const sigset_t, is_last: bool) -> Answer {
        let words = self.words();
        let copies = copies.words();
        let mut places = [0; 3];
        for (at, set) in self.present() {
            let copy = &mut copies[at * words..][..words];
            // SAFETY: the caller's set has as many bits as it says.
            unsafe { ptr::copy_nonoverlapping(set.cast(), copy.as_mut_ptr(), words) };
            places[at] = copy.as_mut_ptr().expose_provenance();
        }
        let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: copies of ours, as long as they have to be; the caller's mask.
        let found = unsafe { call(self.numbers, places, &raw mut time, mask) }?;
        if found > 0 || is_last {
            for (at, set) in self.present() {
                // SAFETY: as above.
                unsafe { ptr::copy_nonoverlapping(copies[at * words..].as_ptr(), set, words) };
            }
        }
        Ok(found)
    }

    fn present(&self) -> impl Iterator<Item = (usize, *mut usize)> {
        let sets = self.sets.iter().enumerate();
        sets.filter(|(_, set)| !set.is_null()).map(|(at, set)| (at, set.cast()))
    }

    /// What `poll` is to be asked.
    ///
    /// # Safety
    ///
    /// As `pselect`.
    unsafe fn to_list(&self) -> Vec<PollFd<'static>> {
        const EVENTS: [PollFlags; 3] = [PollFlags::IN, PollFlags::OUT, PollFlags::PRI];
        let mut list = Vec::new();
        for number in 0..self.numbers {
            let (word, bit) = (number as usize / 64, number as usize % 64);
            let mut events = PollFlags::empty();
            for (at, set) in self.present() {
                // SAFETY: the caller's set has as many bits as it says.
                if unsafe { *set.add(word) } >> bit & 1 == 1 {
                    events |= EVENTS[at];
                }
            }
            if !events.is_empty() {
                list.push(PollFd::from_raw(number, events));
            }
        }
        list
    }
}

impl Copies {
    fn of(words: usize) -> Copies {
        match words {
            0..=WORDS => Copies::Usual([0; 3 * WORDS]),
            _ => Copies::Large(vec![0; 3 * words]),
        }
    }

    fn words(&mut self) -> &mut [usize] {
        match self {
            Copies::Usual(words) => words,
            Copies::Large(words) => words,
        }
    }
}
