//! From registers and a copy of the stack to the names of functions.

use super::capture::Capture;
use super::modules;
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
#[derive(Debug)]
struct Function {
    name: Option<String>,
    place: Option<(PathBuf, u32)>,
}

/// The calls of a green thread, innermost first.
#[derive(Debug, Default)]
pub(super) struct Backtrace {
    functions: Vec<Function>,
}

/// Unwinds a capture. Allocates, locks, and may read the program's debug information.
pub(super) fn unwind(capture: &Capture) -> Backtrace {
    let mut backtrace = Backtrace::default();
    for frame in frames(capture) {
        let address = match frame {
            // The address after that of the instruction, as one that is returned to.
            FrameAddress::InstructionPointer(pc) => pc + 1,
            FrameAddress::ReturnAddress(address) => address.get(),
        };
        if !backtrace.push(address as usize) {
            backtrace.leave_out_catches();
            break;
        }
    }
    backtrace
}

fn frames(capture: &Capture) -> Vec<FrameAddress> {
    let mut unwinder: UnwinderNative<Cow<'static, [u8]>, MayAllocateDuringUnwind> =
        UnwinderNative::new();
    for module in modules::loaded() {
        unwinder.add_module(module);
    }
    let Capture { registers, stack } = capture;
    let mut read_stack = |address: u64| {
        let start = usize::try_from(address.checked_sub(registers.sp).ok_or(())?).or(Err(()))?;
        let bytes = stack.get(start..start.checked_add(8).ok_or(())?).ok_or(())?;
        Ok(u64::from_ne_bytes(bytes.try_into().expect("eight bytes")))
    };
    let mut cache = CacheNative::new();
    let start = registers.for_unwinding();
    let mut iterator = unwinder.iter_frames(registers.pc, start, &mut cache, &mut read_stack);
    let next = || iterator.next().ok().flatten();
    std::iter::from_fn(next).take(FRAMES_AT_MOST).collect()
}

impl Backtrace {
    pub(super) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// Adds the function to which an address returns, and those that were inlined into it. False
    /// at the first that is none of the green thread's own.
    fn push(&mut self, address: usize) -> bool {
        let mut has_symbol = false;
        let mut is_own = true;
        backtrace::resolve(ptr::without_provenance_mut::<c_void>(address), |symbol| {
            has_symbol = true;
            // `{:#}` leaves the hash out.
            let name = symbol.name().map(|name| format!("{name:#}"));
            is_own &= !name.as_ref().is_some_and(|name| name.contains(ENTRANCE));
            if is_own {
                let place = symbol.filename().map(Path::to_path_buf).zip(symbol.lineno());
                self.functions.push(Function { name, place });
            }
        });
        if !has_symbol {
            let name = Some(format!("{address:#x}"));
            self.functions.push(Function { name, place: None });
        }
        is_own
    }

    fn leave_out_catches(&mut self) {
        while self.functions.pop_if(|function| function.catches()).is_some() {}
    }
}

impl Function {
    fn catches(&self) -> bool {
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
