//! `std::net`: sockets, which park, and names, which are resolved off the worker.

pub use ::std::net::*;

pub use greenstd_net::{Incoming, IntoIncoming, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
