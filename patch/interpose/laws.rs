//! The hooks of this crate on green threads that share their worker's thread-locals, which is
//! enough for calls that keep nothing there. What matters is tested from outside: `tests/patch`.

mod sleep;

use greenstd_runtime::runtime::{Builder, Runtime};

/// A runtime with one worker, all of whose green threads are hooked.
fn hooked() -> Runtime {
    // SAFETY: the tests hold no borrow of a thread-local across what blocks, nor print.
    unsafe { crate::install_for_all() }.expect("it cannot fail as yet");
    Builder::new().workers(1).build().expect("there are threads to be had")
}
