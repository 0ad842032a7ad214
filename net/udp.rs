//! UDP: std's `UdpSocket`.
//!
//! Its three parts are apart because each is long, not because they are separate: `socket` sends
//! and receives, `options` and `multicast` hold what is set and asked, which never blocks.

mod multicast;
mod options;
mod socket;

pub use self::socket::UdpSocket;
