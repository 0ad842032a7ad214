//! The traits that std's types have by themselves; a missing one fails to compile.

use std::error::Error;
use std::fmt::Debug;
use std::io::{Read, Write};
use std::iter::FusedIterator;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};

use greenstd::net::{AddrParseError, Incoming, IntoIncoming, Shutdown, TcpListener, TcpStream};
use greenstd::net::{IpAddr, SocketAddr, ToSocketAddrs};

fn is_a_socket<T>()
where
    T: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>,
    T: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static,
{
}

fn is_a_stream<T: Read + Write>() {}

fn is_an_iterator<T>()
where
    T: Iterator<Item = std::io::Result<TcpStream>> + FusedIterator + Debug + Send + Sync,
{
}

fn is_an_address<T: ToSocketAddrs + ?Sized>() {}

#[test]
fn sockets_have_the_traits_of_std_s() {
    is_a_socket::<TcpStream>();
    is_a_socket::<TcpListener>();
    is_a_stream::<TcpStream>();
    is_a_stream::<&TcpStream>();
    is_an_iterator::<Incoming<'static>>();
    is_an_iterator::<IntoIncoming>();
}

#[test]
fn addresses_are_what_they_are_in_std() {
    is_an_address::<str>();
    is_an_address::<String>();
    is_an_address::<&&SocketAddr>();
    is_an_address::<(&str, u16)>();
    is_an_address::<(String, u16)>();
    is_an_address::<&[SocketAddr]>();
    let error: AddrParseError = "x".parse::<IpAddr>().unwrap_err();
    let _: &(dyn Error + Send + Sync) = &error;
    let _: std::net::Shutdown = Shutdown::Both;
}
