//! `vfork`: a green thread forks instead.
//!
//! The child of a `vfork` has the memory of its parent, so it would meet hooks that park, and a
//! runtime that takes it for the parent. That of a `fork` has its own, where hooks pass: the
//! runtime sees to that (`fork` itself, `daemon` and what only forks to `exec` at once need no
//! hook). For OS threads it is the kernel's call; it returns twice to one and the same caller, so
//! there must be no frame of ours in between, and it is written in assembly.

use crate::gate;
use crate::raw;
use crate::symbol::Symbol;
use libc::{c_int, pid_t};
use std::arch::naked_asm;
use std::sync::atomic::AtomicU64;

/// Nothing of it blocks.
static BLOCKED: AtomicU64 = AtomicU64::new(0);

/// The hooks of this family.
pub(crate) static SYMBOLS: &[Symbol] =
    &[Symbol::new("vfork", &["__vfork"], &BLOCKED, || vfork as *const () as usize)];

/// A `fork` on green threads whose calls are to park.
///
/// # Safety
///
/// As the C library's function.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn __vfork() -> pid_t {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("jmp {vfork}", vfork = sym vfork);
    #[cfg(target_arch = "aarch64")]
    naked_asm!("b {vfork}", vfork = sym vfork);
}

/// A `fork` on green threads whose calls are to park.
///
/// # Safety
///
/// As the C library's function.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn vfork() -> pid_t {
    naked_asm!(
        "sub rsp, 8",
        "call {forks}",
        "add rsp, 8",
        "test eax, eax",
        "jne {fork}",
        // The child returns first, and overwrites the return address: it is kept in a register.
        "pop rdi",
        "mov eax, {number}",
        "syscall",
        "push rdi",
        "cmp rax, -4095",
        "jae 2f",
        "ret",
        "2:",
        "neg eax",
        "mov edi, eax",
        "jmp {fail}",
        forks = sym forks,
        fork = sym fork,
        fail = sym fail,
        number = const libc::SYS_vfork,
    )
}

/// A `fork` on green threads whose calls are to park.
///
/// # Safety
///
/// As the C library's function.
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn vfork() -> pid_t {
    naked_asm!(
        "stp x29, x30, [sp, #-16]!",
        "bl {forks}",
        "ldp x29, x30, [sp], #16",
        "cbnz w0, 3f",
        "mov x0, #{flags}",
        "mov x1, xzr",
        "mov x2, xzr",
        "mov x3, xzr",
        "mov x4, xzr",
        "mov x8, #{number}",
        "svc #0",
        "cmn x0, #4095",
        "b.cs 2f",
        "ret",
        "2:",
        "neg w0, w0",
        "b {fail}",
        "3:",
        "b {fork}",
        forks = sym forks,
        fork = sym fork,
        fail = sym fail,
        flags = const libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
        number = const libc::SYS_clone,
    )
}

extern "C" fn forks() -> c_int {
    gate::is_cooperative().into()
}

extern "C" fn fork() -> pid_t {
    // SAFETY: the caller of `vfork` knows that he may do little in the child.
    unsafe { libc::fork() }
}

extern "C" fn fail(error: c_int) -> pid_t {
    raw::fail(error)
}
