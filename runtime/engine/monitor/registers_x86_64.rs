//! The registers from which a stack is unwound: x86-64.

use framehop::UnwindRegsNative;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Registers {
    pub(super) pc: u64,
    pub(super) sp: u64,
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

    pub(super) fn for_unwinding(self) -> UnwindRegsNative {
        UnwindRegsNative::new(self.pc, self.sp, self.bp)
    }
}
