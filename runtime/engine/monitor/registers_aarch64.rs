//! The registers from which a stack is unwound: aarch64.

use framehop::UnwindRegsNative;

/// The frame pointer and the link register, by the procedure call standard.
const FP: usize = 29;
const LR: usize = 30;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Registers {
    pub(super) pc: u64,
    pub(super) sp: u64,
    fp: u64,
    lr: u64,
}

impl Registers {
    /// Those of the code that a signal has interrupted. Async-signal-safe.
    pub(super) fn interrupted(context: &libc::ucontext_t) -> Registers {
        let context = &context.uc_mcontext;
        Registers { pc: context.pc, sp: context.sp, fp: context.regs[FP], lr: context.regs[LR] }
    }

    pub(super) fn for_unwinding(self) -> UnwindRegsNative {
        UnwindRegsNative::new(self.lr, self.sp, self.fp)
    }
}
