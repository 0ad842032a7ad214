//! The registers from which a stack is unwound: aarch64.

use framehop::UnwindRegsNative;

/// The frame pointer and the link register, by the procedure call standard.
const FP: usize = 29;
const LR: usize = 30;

#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Registers {
    pub(in crate::engine) pc: u64,
    pub(in crate::engine) sp: u64,
    fp: u64,
    lr: u64,
}

impl Registers {
    /// Those of the code that a signal has interrupted. Async-signal-safe.
    pub(super) fn interrupted(context: &libc::ucontext_t) -> Registers {
        let context = &context.uc_mcontext;
        Registers { pc: context.pc, sp: context.sp, fp: context.regs[FP], lr: context.regs[LR] }
    }

    /// Those of a coroutine that lies still, from what it has pushed on its stack, at `top`, before
    /// it switched away: X19, X29, PC, and a word to keep the alignment.
    pub(in crate::engine) fn resting(top: u64, pushed: [u64; 3]) -> Registers {
        let [_, fp, pc] = pushed;
        Registers { pc, sp: top + 32, fp, lr: pc }
    }

    pub(super) fn for_unwinding(self) -> UnwindRegsNative {
        UnwindRegsNative::new(self.lr, self.sp, self.fp)
    }

    /// The frame pointer of a frame that is unwound to.
    pub(super) fn frame_pointer(unwound: &UnwindRegsNative) -> u64 {
        unwound.fp()
    }
}
