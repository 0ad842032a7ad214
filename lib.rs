//! Green threads with the API of std.

pub use greenstd_net as net;
pub use std::thread;
