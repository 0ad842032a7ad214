//! The engine, waits and threads of greenstd.
//!
//! Reading order: [`thread`] for what users see, [`park`] and [`fd`] for the waist that everything
//! else waits on, `engine` for how it works. Programs use the `greenstd` crate, which re-exports
//! this one.

mod engine;

#[cfg(not(loom))]
pub mod blocking;
#[cfg(not(loom))]
pub mod channel;
#[cfg(not(loom))]
pub mod diag;
#[cfg(not(loom))]
pub mod fd;
#[cfg(not(loom))]
pub mod fs;
#[cfg(not(loom))]
pub mod future;
#[cfg(not(loom))]
pub mod group;
#[cfg(not(loom))]
pub mod hooks;
#[cfg(not(loom))]
pub mod io;
#[cfg(not(loom))]
pub mod local;
#[cfg(not(loom))]
pub mod os;
#[cfg(not(loom))]
pub mod park;
#[cfg(not(loom))]
pub mod poller;
#[cfg(not(loom))]
pub mod process;
#[cfg(not(loom))]
pub mod queue;
#[cfg(not(loom))]
pub mod readiness;
#[cfg(not(loom))]
pub mod resource;
#[cfg(not(loom))]
pub mod runtime;
#[cfg(not(loom))]
pub mod select;
#[cfg(not(loom))]
pub mod signal;
#[cfg(not(loom))]
pub mod sync;
#[cfg(not(loom))]
pub mod test;
#[cfg(not(loom))]
pub mod thread;
#[cfg(not(loom))]
pub mod time;

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(not(loom))]
pub use self::{
    blocking::blocking, future::block_on, runtime::run, thread::spawn, thread::spawn_local,
};
