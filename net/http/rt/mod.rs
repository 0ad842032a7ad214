//! What hyper asks of its surroundings, on green threads: streams, timers, and a place for tasks.
//!
//! With these a connection of hyper, server or client, is a future for
//! [`block_on`](greenstd_runtime::block_on), and needs no other runtime. The thread that polls it
//! waits in its worker's reactor, as for a blocking call.

mod executor;
mod stream;
mod timer;

pub use self::executor::GreenExecutor;
pub use self::stream::Io;
pub(super) use self::stream::read_into;
pub use self::timer::GreenTimer;
