//! A server on a Unix socket is a server like any other.

use super::fixture::{DEADLINE, until};
use greenstd::net::server::StreamServer;
use greenstd::os::linux::net::SocketAddrExt;
use greenstd::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A listener with a name of its own, that vanishes with it.
fn listener() -> (UnixListener, SocketAddr) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("greenstd test of servers {} {number}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).unwrap();
    (UnixListener::bind_addr(&address).unwrap(), address)
}

fn connect(address: &SocketAddr) -> UnixStream {
    let stream = UnixStream::connect_addr(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

fn ask(mut stream: &UnixStream) {
    stream.write_all(&[7]).unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

laws! {
    fn many_clients_are_served_and_a_stop_lets_them_finish() {
        let (listener, address) = listener();
        let server = StreamServer::builder()
            .start(listener, |mut connection| {
                let mut byte = [0];
                while connection.wait_readable()? && connection.read(&mut byte)? == 1 {
                    connection.write_all(&byte)?;
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(server.local_addr().as_abstract_name(), address.as_abstract_name());
        let clients: Vec<_> = (0..50).map(|_| connect(&address)).collect();
        clients.iter().for_each(ask);
        clients.iter().for_each(ask);
        assert_eq!(server.statistics().live, 50);
        let report = server.stop(DEADLINE);
        assert!(report.is_clean(), "{report:?}");
        for mut client in clients {
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
        let refused = UnixStream::connect_addr(&address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }

    /// C64
    fn connection_beyond_the_limit_is_accepted_when_another_ends() {
        let (listener, address) = listener();
        let server = StreamServer::builder().max_connections(1);
        let server = server.start(listener, |mut connection| {
            let mut byte = [0];
            while connection.read(&mut byte)? == 1 {
                connection.write_all(&byte)?;
            }
            Ok(())
        });
        let server = server.unwrap();
        let first = connect(&address);
        ask(&first);
        let mut second = connect(&address);
        second.write_all(&[7]).unwrap();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(server.statistics().accepted, 1);
        drop(first);
        second.read_exact(&mut [0]).unwrap();
        assert_eq!(server.statistics().accepted, 2);
    }

    fn quiet_client_and_one_that_does_not_read_are_sent_away() {
        let (listener, address) = listener();
        let server = StreamServer::builder()
            .idle_timeout(Duration::from_millis(100))
            .start(listener, |mut connection| {
                let mut byte = [0];
                connection.read_exact(&mut byte)?;
                if byte == [0] {
                    return connection.read_exact(&mut byte);
                }
                loop {
                    connection.write_all(&[0; 65536])?;
                }
            })
            .unwrap();
        let (mut quiet, mut deaf) = (connect(&address), connect(&address));
        quiet.write_all(&[0]).unwrap();
        deaf.write_all(&[1]).unwrap();
        until(|| server.statistics().failed == 2);
        assert_eq!(quiet.read(&mut [0]).unwrap(), 0);
        let mut rest = Vec::new();
        deaf.read_to_end(&mut rest).unwrap();
        assert!(!rest.is_empty());
    }
}

/// The address is no listener, or a listener of another kind.
#[test]
fn socket_that_does_not_listen_is_refused() {
    let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let listener = UnixListener::from(std::os::fd::OwnedFd::from(one));
    let error = StreamServer::builder().start(listener, |_| Ok(())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
