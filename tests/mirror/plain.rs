//! The programs over std itself: OS threads.

pub use ::std;

#[path = "programs/cache.rs"]
pub mod cache;
#[path = "programs/channels.rs"]
pub mod channels;
#[path = "programs/children.rs"]
pub mod children;
#[path = "programs/datagrams.rs"]
pub mod datagrams;
#[path = "programs/echo_server.rs"]
pub mod echo_server;
#[path = "programs/files.rs"]
pub mod files;
#[path = "programs/filter.rs"]
pub mod filter;
#[path = "programs/locals.rs"]
pub mod locals;
#[path = "programs/parking.rs"]
pub mod parking;
#[path = "programs/phases.rs"]
pub mod phases;
#[path = "programs/pipes.rs"]
pub mod pipes;
#[path = "programs/poison.rs"]
pub mod poison;
#[path = "programs/proxy.rs"]
pub mod proxy;
#[path = "programs/results.rs"]
pub mod results;
#[path = "programs/scoped.rs"]
pub mod scoped;
#[path = "programs/unix_sockets.rs"]
pub mod unix_sockets;
#[path = "programs/work_queue.rs"]
pub mod work_queue;
