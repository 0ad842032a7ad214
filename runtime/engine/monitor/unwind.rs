//! From registers and a copy of the stack to the names of functions.

use super::capture::Capture;
use super::modules;
use super::registers::Registers;
use framehop::{CacheNative, FrameAddress, MayAllocateDuringUnwind, Unwinder, UnwinderNative};
use std::borrow::Cow;
use std::ffi::c_void;
use std::fmt;
use std::path::{Path, PathBuf};
use std::ptr;

/// Frames of a backtrace; what lies below is left out.
const FRAMES_AT_MOST: usize = 64;

/// Where a green thread begins: what lies below is the runtime's.
const ENTRANCE: &str = "greenstd_runtime::engine::body::";

/// What lies between there and the closure that was spawned: it catches panics. With line tables
/// alone, functions that were inlined have lost their paths.
const CATCHES: &[&str] = &[
    "std::panic",
    "core::panic",
    "<core::panic",
    "__rust_try",
    "catch_unwind<",
    "do_call<",
    "call_once<",
];

/// A function that was running, or had called the one before it.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: Option<String>,
    pub(crate) place: Option<(PathBuf, u32)>,
}

/// The calls of a green thread, innermost first.
#[derive(Debug, Default)]
pub(super) struct Backtrace {
    functions: Vec<Function>,
}

/// Unwinds a capture. Allocates, locks, and may read the program's debug information.
pub(super) fn unwind(capture: &Capture) -> Backtrace {
    let mut addresses = Vec::new();
    Unwinding::new().unwind(capture.registers, &capture.stack, &mut addresses);
    let mut backtrace = Backtrace::default();
    for address in addresses {
        let is_own = resolve(address, |function| backtrace.functions.push(function));
        if !is_own {
            backtrace.leave_out_catches();
            break;
        }
    }
    backtrace
}

/// What is needed to unwind stacks of this process: what it has loaded, and what was learned of it.
pub(in crate::engine) struct Unwinding {
    unwinder: UnwinderNative<Cow<'static, [u8]>, MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
}

impl Unwinding {
    pub(in crate::engine) fn new() -> Unwinding {
        let mut unwinder = UnwinderNative::new();
        modules::loaded().into_iter().for_each(|module| unwinder.add_module(module));
        Unwinding { unwinder, cache: CacheNative::new() }
    }

    /// Adds the addresses to which the calls of a stack return, innermost first, of which `stack`
    /// is a copy from the stack pointer on. The first one is that after where it is.
    pub(in crate::engine) fn unwind(
        &mut self,
        registers: Registers,
        stack: &[u8],
        addresses: &mut Vec<u64>,
    ) {
        let mut read_stack = |address: u64| {
            let start = address.checked_sub(registers.sp).ok_or(())?;
            let start = usize::try_from(start).or(Err(()))?;
            let bytes = stack.get(start..start.checked_add(8).ok_or(())?).ok_or(())?;
            Ok(u64::from_ne_bytes(bytes.try_into().expect("eight bytes")))
        };
        let Unwinding { unwinder, cache } = self;
        let start = registers.for_unwinding();
        let mut frames = unwinder.iter_frames(registers.pc, start, cache, &mut read_stack);
        let next = std::iter::from_fn(|| frames.next().ok().flatten());
        addresses.extend(next.take(FRAMES_AT_MOST).map(|frame| match frame {
            // As one that is returned to.
            FrameAddress::InstructionPointer(pc) => pc + 1,
            FrameAddress::ReturnAddress(address) => address.get(),
        }));
    }
}

/// Gives the function to which an address returns, and those that were inlined into it, to `each`.
/// False if one is none of the green thread's own.
pub(in crate::engine) fn resolve(address: u64, mut each: impl FnMut(Function)) -> bool {
    let mut has_symbol = false;
    let mut is_own = true;
    let pointer = ptr::without_provenance_mut::<c_void>(address as usize);
    backtrace::resolve(pointer, |symbol| {
        has_symbol = true;
        // `{:#}` leaves the hash out.
        let name = symbol.name().map(|name| format!("{name:#}"));
        is_own &= !name.as_ref().is_some_and(|name| name.contains(ENTRANCE));
        if is_own {
            let place = symbol.filename().map(Path::to_path_buf).zip(symbol.lineno());
            each(Function { name, place });
        }
    });
    if !has_symbol {
        let name = Some(format!("{address:#x}"));
        each(Function { name, place: None });
    }
    is_own
}

impl Backtrace {
    pub(super) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    fn leave_out_catches(&mut self) {
        while self.functions.pop_if(|function| function.catches()).is_some() {}
    }
}

impl Function {
    /// Whether it is of what catches panics around what was spawned.
    pub(in crate::engine) fn catches(&self) -> bool {
        let name = self.name.as_deref().unwrap_or_default();
        CATCHES.iter().any(|prefix| name.starts_with(prefix))
    }
}

/// As std prints one.
impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, function) in self.functions.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{number:4}: {}", function.name.as_deref().unwrap_or("<unknown>"))?;
            if let Some((file, line)) = &function.place {
                write!(f, "\n             at {}:{line}", file.display())?;
            }
        }
        Ok(())
    }
}
