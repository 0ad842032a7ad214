//! The registers from which a stack is unwound: x86-64.

use framehop::UnwindRegsNative;

#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Registers {
    pub(in crate::engine) pc: u64,
    pub(in crate::engine) sp: u64,
    bp: u64,
}

impl Registers {
    /// Those of the code that a signal has interrupted. Async-signal-safe.
    pub(super) fn interrupted(context: &libc::ucontext_t) -> Registers {
        let register = |index: libc::c_int| context.uc_mcontext.gregs[index as usize] as u64;
        Registers {
            pc: register(libc::REG_RIP),
            sp: register(libc::REG_RSP),
            bp: register(libc::REG_RBP),
        }
    }

    /// Those of a coroutine that lies still, from what it has pushed on its stack, at `top`, before
    /// it switched away: RIP, RBX, RBP.
    pub(in crate::engine) fn resting(top: u64, pushed: [u64; 3]) -> Registers {
        let [pc, _, bp] = pushed;
        Registers { pc, sp: top + 24, bp }
    }

    pub(super) fn for_unwinding(self) -> UnwindRegsNative {
        UnwindRegsNative::new(self.pc, self.sp, self.bp)
    }

    /// The frame pointer of a frame that is unwound to.
    pub(super) fn frame_pointer(unwound: &UnwindRegsNative) -> u64 {
        unwound.bp()
    }
}
