//! Servers: a socket, a green thread for each request, limits, and an end in phases.

mod datagram;
mod stop_report;

pub use self::datagram::{
    Datagram, DatagramBuilder, DatagramServer, DatagramStatistics, IntoDatagramSocket,
};
pub use self::stop_report::StopReport;
