//! From registers and a copy of the stack to the names of functions.

use super::capture::Capture;
use super::modules;
use super::registers::Registers;
use framehop::{
    CacheNative, FrameAddress, MayAllocateDuringUnwind, UnwindRegsNative, Unwinder, UnwinderNative,
};
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
    Unwinding::new().unwind(capture.registers, &capture.stack, (0, &[]), &mut addresses);
    let mut backtrace = Backtrace::default();
    for address in addresses {
        let is_own = resolve(address, |function| backtrace.functions.push(function));
        if !is_own {
            backtrace.leave_out_catches();
            break;
        }
    }
    leave_out_between_stacks(&mut backtrace.functions);
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

    /// Adds the addresses to which the calls of a stack return, innermost first. The first one is
    /// that after where it is.
    ///
    /// `stack` is a copy from the stack pointer on; `lender` one of what called it from another
    /// stack, with the address where that lies, and empty if there is none.
    pub(in crate::engine) fn unwind(
        &mut self,
        registers: Registers,
        stack: &[u8],
        lender: (u64, &[u8]),
        addresses: &mut Vec<u64>,
    ) {
        let mut read_stack = |address: u64| {
            let word = |(start, bytes): (u64, &[u8])| {
                let start = usize::try_from(address.checked_sub(start)?).ok()?;
                let word = bytes.get(start..start.checked_add(8)?)?;
                Some(u64::from_ne_bytes(word.try_into().expect("eight bytes")))
            };
            word((registers.sp, stack)).or_else(|| word(lender)).ok_or(())
        };
        let Unwinding { unwinder, cache } = self;
        let mut caller = registers.for_unwinding();
        let mut frame = FrameAddress::InstructionPointer(registers.pc);
        for _ in 0..FRAMES_AT_MOST {
            addresses.push(match frame {
                // As one that is returned to.
                FrameAddress::InstructionPointer(pc) => pc + 1,
                FrameAddress::ReturnAddress(address) => address.get(),
            });
            let next = match unwinder.unwind_frame(frame, &mut caller, cache, &mut read_stack) {
                Ok(next) => next,
                // The caller's stack may lie below: that is told by the frame pointer.
                Err(_) => leave_lent(&mut caller, lender, &mut read_stack),
            };
            let Some(next) = next.and_then(FrameAddress::from_return_address) else { return };
            frame = next;
        }
    }
}

/// Goes on where a stack was lent: the trampoline between the two has the frame pointer point at
/// that of its caller and at the address to which it returns, on the stack of the caller. Gives
/// that address; none if this is no such place.
fn leave_lent(
    registers: &mut UnwindRegsNative,
    (start, lender): (u64, &[u8]),
    read_stack: &mut impl FnMut(u64) -> Result<u64, ()>,
) -> Option<u64> {
    let is_lenders = |address: u64| (start..start + lender.len() as u64).contains(&address);
    let frame = Registers::frame_pointer(registers);
    if !is_lenders(frame) || is_lenders(registers.sp()) {
        return None;
    }
    let (saved, address) = (read_stack(frame).ok()?, read_stack(frame + 8).ok()?);
    *registers = UnwindRegsNative::new(address, frame + 16, saved);
    Some(address)
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

/// Takes out what calls something on a lent stack, and catches its panics there.
pub(in crate::engine) fn leave_out_between_stacks(calls: &mut Vec<Function>) {
    let is_between = |function: &Function| {
        let Some((file, _)) = &function.place else { return false };
        file.ends_with("engine/lend.rs") || file.to_string_lossy().contains("/corosensei-")
    };
    for call in std::mem::take(calls) {
        if call.name.as_deref() == Some("stack_call_trampoline") {
            while calls.pop_if(|call: &mut Function| call.catches()).is_some() {}
        } else if !is_between(&call) {
            calls.push(call);
        }
    }
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
