//! Datagrams: who gets them, from whom, how much of them, and who gets none.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;

use super::fixture::{Folder, abstract_address, assert_path, bound, let_others_wait};
use super::net::UnixDatagram;
use super::{run, thread};

#[test]
fn pair_keeps_the_bounds_of_datagrams() {
    run(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        for datagram in [&b"first"[..], b"", b"third"] {
            assert_eq!(one.send(datagram).unwrap(), datagram.len());
        }
        let mut buffer = [0; 16];
        assert_eq!(other.recv(&mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"first");
        assert_eq!(other.recv(&mut buffer).unwrap(), 0);
        let (count, sender) = other.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"third");
        assert!(sender.is_unnamed());
    });
}

#[test]
fn what_does_not_fit_is_lost_and_the_next_datagram_is_not() {
    run(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        for datagram in [b"long one", b"next one", b"and none"] {
            one.send(datagram).unwrap();
        }
        let mut buffer = [0; 4];
        assert_eq!(other.recv(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer, b"long");
        // Into nothing, and gone all the same.
        assert_eq!(other.recv(&mut []).unwrap(), 0);
        assert_eq!(other.recv_from(&mut buffer).unwrap().0, 4);
        assert_eq!(&buffer, b"and ");
    });
}

#[test]
fn sender_is_known_by_its_path() {
    run(|| {
        let folder = Folder::new();
        let (receiver, to) = bound(&folder, "receiver");
        let (sender, from) = bound(&folder, "sender");
        assert_path(&receiver.local_addr().unwrap(), &to);
        assert_eq!(sender.send_to(b"hello", &to).unwrap(), 5);
        let mut buffer = [0; 16];
        let (count, address) = receiver.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"hello");
        assert_path(&address, &from);
        receiver.send_to_addr(b"answer", &address).unwrap();
        assert_eq!(sender.recv(&mut buffer).unwrap(), 6);
    });
}

#[test]
fn sender_is_known_by_its_abstract_name_or_not_at_all() {
    run(|| {
        let (to, from) = (abstract_address(), abstract_address());
        let receiver = UnixDatagram::bind_addr(&to).unwrap();
        let sender = UnixDatagram::bind_addr(&from).unwrap();
        sender.send_to_addr(&[1], &to).unwrap();
        let (_, address) = receiver.recv_from(&mut [0]).unwrap();
        assert_eq!(address.as_abstract_name(), from.as_abstract_name());
        UnixDatagram::unbound().unwrap().send_to_addr(&[1], &to).unwrap();
        let (_, address) = receiver.recv_from(&mut [0]).unwrap();
        assert!(address.is_unnamed());
    });
}

#[test]
fn connected_socket_sends_there_and_hears_nobody_else() {
    run(|| {
        let folder = Folder::new();
        let (server, path) = bound(&folder, "server");
        let (client, own) = bound(&folder, "client");
        client.connect(&path).unwrap();
        assert_path(&client.peer_addr().unwrap(), &path);
        client.send(b"request").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(server.recv_from(&mut buffer).unwrap().0, 7);
        server.send_to(b"answer", &own).unwrap();
        assert_eq!(client.recv(&mut buffer).unwrap(), 6);
        let stranger = UnixDatagram::unbound().unwrap();
        let error = stranger.send_to(&[1], &own).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        // It may be connected to another one.
        let (other, path) = bound(&folder, "other");
        client.connect_addr(&other.local_addr().unwrap()).unwrap();
        assert_path(&client.peer_addr().unwrap(), &path);
        client.send(&[1]).unwrap();
        assert_eq!(other.recv(&mut buffer).unwrap(), 1);
    });
}

#[test]
fn send_of_an_unconnected_socket_is_not_connected() {
    run(|| {
        let socket = UnixDatagram::unbound().unwrap();
        assert_eq!(socket.send(&[1]).unwrap_err().kind(), ErrorKind::NotConnected);
    });
}

#[test]
fn send_to_a_closed_socket_is_refused_and_no_signal() {
    run(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        drop(other);
        for _ in 0..2 {
            let kind = one.send(&[1]).unwrap_err().kind();
            let kinds = [ErrorKind::ConnectionRefused, ErrorKind::NotConnected];
            assert!(kinds.contains(&kind), "{kind:?}");
        }
    });
}

#[test]
fn datagram_beyond_the_buffer_is_an_error() {
    run(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        let error = one.send(&vec![0; 4 << 20]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(90)); // EMSGSIZE of Linux
        one.send(&[1; 60_000]).unwrap();
        assert_eq!(other.recv(&mut vec![0; 65_536]).unwrap(), 60_000);
    });
}

#[test]
fn receivers_wait_for_a_datagram() {
    run(|| {
        let address = abstract_address();
        let receiver = UnixDatagram::bind_addr(&address).unwrap();
        let waiting = thread::spawn(move || {
            let mut buffer = [0; 4];
            let first = receiver.recv(&mut buffer).unwrap();
            let (second, _) = receiver.recv_from(&mut buffer).unwrap();
            (first, second)
        });
        let sender = UnixDatagram::unbound().unwrap();
        let_others_wait();
        sender.send_to_addr(&[1], &address).unwrap();
        let_others_wait();
        sender.send_to_addr(&[1, 2], &address).unwrap();
        assert_eq!(waiting.join().unwrap(), (1, 2));
    });
}

#[test]
fn shutdown_wakes_a_receiver_and_breaks_the_pipe_of_senders() {
    run(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        let clone = other.try_clone().unwrap();
        let receiver = thread::spawn(move || clone.recv(&mut [0; 4]).unwrap());
        let_others_wait();
        other.shutdown(Shutdown::Read).unwrap();
        assert_eq!(receiver.join().unwrap(), 0);
        assert_eq!(one.send(&[1]).unwrap_err().kind(), ErrorKind::BrokenPipe);
        other.shutdown(Shutdown::Write).unwrap();
        assert_eq!(other.send(&[1]).unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(one.take_error().unwrap().is_none());
    });
}

#[test]
fn shutdown_of_both_halves_works_on_a_pair() {
    run(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        one.shutdown(Shutdown::Both).unwrap();
        assert_eq!(one.recv(&mut [0]).unwrap(), 0);
        assert!(other.send(&[1]).is_err());
    });
}
