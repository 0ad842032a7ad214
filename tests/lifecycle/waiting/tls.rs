//! Waits for encrypted streams. Those of handshakes, which are no more than these, and what is left
//! of them, are in the program of their own, `tests/tls`.

use super::{Grants, Row, Scene, apply};
use crate::certificates::encrypt;
use greenstd::net::tls::TlsStream;
use greenstd::net::{DuplexStream, duplex};
use greenstd::thread;
use greenstd::time::timeout;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

type Both = (TlsStream<DuplexStream>, Arc<TlsStream<DuplexStream>>);

pub const WAITING: &[Row] = lines! {
    row("TlsStream::read", pair(), |d| (&d.0).read_exact(&mut [0]).unwrap(),
        |d| (&*d.1).write_all(&[0]).unwrap(), |d| at_once(|| (&d.0).read(&mut [0]).is_ok())),
    row("TlsStream::write", full(), |d| assert_eq!((&d.0).write(&[0]).unwrap(), 1),
        |d| drain(&d.1)),
    row("TlsStream::flush", full(), |d| (&d.0).flush().unwrap(), |d| drain(&d.1)),
    row("TlsStream::shutdown", full(),
        |d| d.0.shutdown(std::net::Shutdown::Write).unwrap(), |d| drain(&d.1)),
};

/// Whether a call succeeds without a wait.
fn at_once(call: impl FnOnce() -> bool) -> bool {
    timeout(Duration::from_millis(2), call) == Ok(true)
}

const ROOM: usize = 4096;
const TAKEN: usize = 2 * ROOM;

fn pair() -> Both {
    let (client, server) = duplex(ROOM);
    let (client, server) = encrypt(client, server);
    (client, Arc::new(server))
}

/// The first of both has taken more than there is room for.
fn full() -> Both {
    let both = pair();
    both.0.get_ref().set_write_timeout(Some(Duration::from_nanos(1))).unwrap();
    assert_eq!((&both.0).write(&[0; TAKEN]).unwrap(), TAKEN);
    both.0.get_ref().set_write_timeout(None).unwrap();
    both
}

/// Makes room for all that was taken, and for what those write who wait.
fn drain(stream: &Arc<TlsStream<DuplexStream>>) {
    let stream = stream.clone();
    // Ends with the other side, which may end without a farewell.
    thread::spawn(move || { &*stream }.read_to_end(&mut Vec::new()).is_ok());
}
