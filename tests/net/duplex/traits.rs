//! The traits that a stream has by itself, and what it says of itself.

use greenstd::net::duplex::{Builder, Link};
use greenstd::net::memory::{Connector, Incoming, Listener};
use greenstd::net::{DuplexStream, duplex};
use std::fmt::Debug;
use std::io::{Read, Write};
use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};

fn is_like_a_socket<T: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static>() {}

fn is_a_stream<T: Read + Write>() {}

fn is_an_iterator<T: Iterator<Item = std::io::Result<DuplexStream>> + FusedIterator + Debug>() {}

#[test]
fn streams_have_the_traits_of_sockets() {
    is_like_a_socket::<DuplexStream>();
    is_like_a_socket::<Listener>();
    is_like_a_socket::<Connector>();
    is_like_a_socket::<Builder>();
    is_like_a_socket::<Link>();
    is_a_stream::<DuplexStream>();
    is_a_stream::<&DuplexStream>();
    is_an_iterator::<Incoming<'static>>();
}

#[test]
fn a_stream_says_what_it_holds() {
    let (mut one, other) = duplex(9);
    one.write_all(b"abc").unwrap();
    let text = format!("{one:?} {other:?}");
    assert!(text.contains("unread: 0, unread_by_peer: 3"), "{text}");
    assert!(text.contains("unread: 3, unread_by_peer: 0"), "{text}");
    one.reset();
    assert!(format!("{other:?}").contains("is_reset: true"));
    let listener = Listener::new(3);
    let _client = listener.connect().unwrap();
    assert!(format!("{listener:?}").contains("waiting: 1"));
    assert!(format!("{:?}", listener.connector()).contains("waiting: 1"));
}
