//! The stacks of green threads: copied while they lie still, unwound from the copy.

use super::Wishes;
use crate::engine::fiber::Header;
use crate::engine::lend;
use crate::engine::monitor::capture::{self, Capture};
use crate::engine::monitor::memory;
use crate::engine::monitor::registers::Registers;
use crate::engine::monitor::unwind::{self, Function, Unwinding};
use crate::engine::resting;
use crate::engine::shared::Shared;
use crate::engine::stack;
use std::collections::HashMap;
use std::path::Path;

/// What a coroutine pushes before it switches away, in bytes.
const PUSHED: usize = 24;

/// Takes stacks and tells equal ones.
pub(super) struct Stacks {
    unwinding: Unwinding,
    buffer: Vec<u8>,
    addresses: Vec<u64>,
    numbers: HashMap<Box<[u64]>, usize>,
    /// Of those who run.
    running: HashMap<*mut Header, Capture>,
}

/// A copy of a stack, from its top, with what lies there.
#[derive(Debug)]
pub(super) struct Copied {
    top: usize,
    length: usize,
    /// The part of the fiber's own stack from which it was lent the one on which `top` lies.
    lender: (usize, Vec<u8>),
}

impl Stacks {
    pub(super) fn new(wishes: &Wishes, shared: &Shared) -> Stacks {
        let signal = wishes.signal.filter(|&signal| capture::install(signal).is_ok());
        let posts = shared.remotes().iter().map(|remote| &remote.post);
        let running = signal.map(|signal| posts.filter_map(|post| post.capture(signal)).collect());
        Stacks {
            unwinding: Unwinding::new(),
            buffer: vec![0; memory::COPIED_AT_MOST],
            addresses: Vec::new(),
            numbers: HashMap::new(),
            running: running.unwrap_or_default(),
        }
    }

    /// Copies the stack of a fiber, as much as there is room for.
    ///
    /// By the kernel: those who grant something to who waits write on its stack, and may do so now.
    ///
    /// # Safety
    ///
    /// It is held.
    pub(super) unsafe fn copy(&mut self, header: &Header) -> Option<Copied> {
        // SAFETY: by the caller's promise.
        let coroutine = unsafe { &*header.coroutine.get() }.as_ref()?;
        let top = resting::stack_pointer(coroutine)?;
        // SAFETY: the stack is that of a fiber that lives.
        let base = unsafe { &*header.yielder.get() };
        let base = std::ptr::from_ref(base).addr();
        let (end, lender) = match header.lent_at.get() {
            0 => (base, (0, Vec::new())),
            depth => {
                let start = base - lend::bytes(depth);
                let mut own = vec![0; (base - start).min(memory::COPIED_AT_MOST)];
                let length = memory::copy_up_to(start, &mut own);
                own.truncate(length);
                (stack::high_end_above(top)?, (start, own))
            }
        };
        let wanted = end.checked_sub(top)?.min(self.buffer.len());
        let length = memory::copy_up_to(top, &mut self.buffer[..wanted]);
        (length >= PUSHED).then_some(Copied { top, length, lender })
    }

    /// The number of the stack that was copied last.
    pub(super) fn number(&mut self, copied: &Copied) -> Option<usize> {
        let stack = &self.buffer[..copied.length];
        let word = |index: usize| {
            let bytes = stack[8 * index..8 * index + 8].try_into().expect("eight bytes");
            u64::from_ne_bytes(bytes)
        };
        let top = copied.top as u64;
        let registers = Registers::resting(top, [word(0), word(1), word(2)]);
        let stack = stack.get((registers.sp - top) as usize..)?;
        self.addresses.clear();
        let lender = (copied.lender.0 as u64, &copied.lender.1[..]);
        self.unwinding.unwind(registers, stack, lender, &mut self.addresses);
        self.intern()
    }

    /// The number of the stack of one that runs.
    pub(super) fn number_of_running(&mut self, header: *mut Header) -> Option<usize> {
        let Capture { registers, stack } = self.running.get(&header)?;
        self.addresses.clear();
        self.unwinding.unwind(*registers, stack, (0, &[]), &mut self.addresses);
        self.intern()
    }

    fn intern(&mut self) -> Option<usize> {
        if self.addresses.is_empty() {
            return None;
        }
        if let Some(&number) = self.numbers.get(&self.addresses[..]) {
            return Some(number);
        }
        let number = self.numbers.len();
        self.numbers.insert(self.addresses.as_slice().into(), number);
        Some(number)
    }

    /// The calls of all stacks, by number.
    pub(super) fn into_calls(self) -> Vec<Vec<Function>> {
        let mut stacks: Vec<(Box<[u64]>, usize)> = self.numbers.into_iter().collect();
        stacks.sort_by_key(|(_, number)| *number);
        let mut known: HashMap<u64, (Vec<Function>, bool)> = HashMap::new();
        let calls = |(addresses, _): (Box<[u64]>, usize)| {
            let mut calls = Vec::new();
            for address in addresses {
                let (functions, is_own) = known.entry(address).or_insert_with(|| {
                    let mut functions = Vec::new();
                    let is_own = unwind::resolve(address, |function| functions.push(function));
                    (functions, is_own)
                });
                calls.extend(functions.iter().cloned());
                if !*is_own {
                    while calls.pop_if(|function: &mut Function| function.catches()).is_some() {}
                    break;
                }
            }
            leave_out_engine(&mut calls);
            calls
        };
        stacks.into_iter().map(calls).collect()
    }
}

/// Takes out the innermost calls, which are the engine's own, unless there are no others.
fn leave_out_engine(calls: &mut Vec<Function>) {
    // Names that were inlined have lost their paths, so it is told by the files.
    let is_engines = |function: &Function| {
        let Some((file, _)) = &function.place else { return false };
        let is_below = |folder: &str| {
            Path::new(folder).components().count() > 0 && file.to_string_lossy().contains(folder)
        };
        is_below(engine_folder()) || is_below("/corosensei-") || is_below("/library/")
    };
    let count = calls.iter().take_while(|call| is_engines(call)).count();
    if count < calls.len() {
        calls.drain(..count);
    }
    unwind::leave_out_between_stacks(calls);
}

/// Where the files of the engine lie, as debug information has it.
fn engine_folder() -> &'static str {
    file!().strip_suffix("survey/stacks.rs").unwrap_or("/engine/")
}
