//! Paths, abstract names, no names at all, and names that cannot be.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;

use super::fixture::{Folder, abstract_address, assert_path, bound, listener};
use super::net::{UnixDatagram, UnixListener, UnixStream};
use super::run;

#[test]
fn both_ends_of_a_connection_by_path_know_their_addresses() {
    run(|| {
        let (listener, path, _folder) = listener();
        assert_path(&listener.local_addr().unwrap(), &path);
        let client = UnixStream::connect(&path).unwrap();
        let (server, peer) = listener.accept().unwrap();
        assert!(peer.is_unnamed());
        assert!(client.local_addr().unwrap().is_unnamed());
        assert_path(&client.peer_addr().unwrap(), &path);
        assert_path(&server.local_addr().unwrap(), &path);
        assert!(server.peer_addr().unwrap().is_unnamed());
    });
}

#[test]
fn abstract_names_need_no_file_and_may_hold_any_byte() {
    run(|| {
        let plain = abstract_address();
        let mut odd = plain.as_abstract_name().unwrap().to_vec();
        odd.extend_from_slice(b"\0with\xffbytes\0");
        for address in [plain, SocketAddr::from_abstract_name(odd).unwrap()] {
            let listener = UnixListener::bind_addr(&address).unwrap();
            let local = listener.local_addr().unwrap();
            assert_eq!(local.as_abstract_name(), address.as_abstract_name());
            assert!(local.as_pathname().is_none() && !local.is_unnamed());
            let client = UnixStream::connect_addr(&address).unwrap();
            let (server, _) = listener.accept().unwrap();
            let peer = client.peer_addr().unwrap();
            assert_eq!(peer.as_abstract_name(), address.as_abstract_name());
            let local = server.local_addr().unwrap();
            assert_eq!(local.as_abstract_name(), address.as_abstract_name());
        }
    });
}

#[test]
fn address_of_a_path_is_as_good_as_the_path() {
    run(|| {
        let folder = Folder::new();
        let path = folder.path("listener");
        let address = SocketAddr::from_pathname(&path).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let _by_path = UnixStream::connect(&path).unwrap();
        let _by_address = UnixStream::connect_addr(&listener.local_addr().unwrap()).unwrap();
        for _ in 0..2 {
            listener.accept().unwrap();
        }
    });
}

#[test]
fn empty_path_has_the_kernel_choose_a_name() {
    run(|| {
        let listener = UnixListener::bind("").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(address.as_abstract_name().is_some_and(|name| name.len() == 5));
        UnixStream::connect_addr(&address).unwrap();
        let socket = UnixDatagram::bind("").unwrap();
        assert!(socket.local_addr().unwrap().as_abstract_name().is_some());
        let unnamed = SocketAddr::from_pathname("").unwrap();
        let socket = UnixDatagram::bind_addr(&unnamed).unwrap();
        assert!(socket.local_addr().unwrap().as_abstract_name().is_some());
    });
}

#[test]
fn sockets_without_a_name_are_unnamed() {
    run(|| {
        let (one, other) = UnixStream::pair().unwrap();
        for stream in [one, other] {
            assert!(stream.local_addr().unwrap().is_unnamed());
            assert!(stream.peer_addr().unwrap().is_unnamed());
        }
        let (one, other) = UnixDatagram::pair().unwrap();
        for socket in [one, other] {
            assert!(socket.local_addr().unwrap().is_unnamed());
            assert!(socket.peer_addr().unwrap().is_unnamed());
        }
        let unbound = UnixDatagram::unbound().unwrap();
        assert!(unbound.local_addr().unwrap().is_unnamed());
        assert_eq!(unbound.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
    });
}

#[test]
fn longest_path_is_107_bytes() {
    run(|| {
        let folder = Folder::new();
        let length = folder.path("").as_os_str().len();
        let (longest, too_long) = ("x".repeat(107 - length), "x".repeat(108 - length));
        let listener = UnixListener::bind(folder.path(&longest)).unwrap();
        assert_path(&listener.local_addr().unwrap(), &folder.path(&longest));
        UnixStream::connect(folder.path(&longest)).unwrap();
        let path = folder.path(&too_long);
        let socket = UnixDatagram::unbound().unwrap();
        let errors = [
            UnixListener::bind(&path).unwrap_err(),
            UnixStream::connect(&path).unwrap_err(),
            UnixDatagram::bind(&path).unwrap_err(),
            socket.connect(&path).unwrap_err(),
            socket.send_to(&[1], &path).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), "path must be shorter than SUN_LEN");
        }
    });
}

#[test]
fn path_with_a_nul_is_invalid_input() {
    run(|| {
        let socket = UnixDatagram::unbound().unwrap();
        for path in ["a\0b", "\0abstract"] {
            let errors = [
                UnixListener::bind(path).unwrap_err(),
                UnixStream::connect(path).unwrap_err(),
                UnixDatagram::bind(path).unwrap_err(),
                socket.connect(path).unwrap_err(),
                socket.send_to(&[1], path).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                assert_eq!(error.to_string(), "paths must not contain interior null bytes");
            }
        }
    });
}

#[test]
fn path_that_is_not_there_is_not_found() {
    run(|| {
        let folder = Folder::new();
        let path = folder.path("nobody");
        let socket = UnixDatagram::unbound().unwrap();
        let errors = [
            UnixStream::connect(&path).unwrap_err(),
            socket.connect(&path).unwrap_err(),
            socket.send_to(&[1], &path).unwrap_err(),
            UnixListener::bind(folder.path("no/folder")).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    });
}

#[test]
fn path_without_a_listener_refuses() {
    run(|| {
        let (listener, path, folder) = listener();
        drop(listener);
        assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert!(path.exists(), "the path stays");
        let (socket, path) = bound(&folder, "socket");
        drop(socket);
        let sender = UnixDatagram::unbound().unwrap();
        assert_eq!(sender.connect(&path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let error = sender.send_to(&[1], &path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let nobody = abstract_address();
        let error = UnixStream::connect_addr(&nobody).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = sender.send_to_addr(&[1], &nobody).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn address_in_use_is_refused_until_its_path_is_removed() {
    run(|| {
        let (first, path, folder) = listener();
        for _ in 0..2 {
            assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
            assert_eq!(UnixDatagram::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        }
        let early = UnixStream::connect(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::NotFound);
        let second = UnixListener::bind(&path).unwrap();
        let _late = UnixStream::connect(&path).unwrap();
        // Each has the one that connected while its name was there.
        first.accept().unwrap();
        second.accept().unwrap();
        assert_path(&early.peer_addr().unwrap(), &path);
        let address = abstract_address();
        let _taken = UnixDatagram::bind_addr(&address).unwrap();
        let error = UnixDatagram::bind_addr(&address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        drop(folder);
    });
}

#[test]
fn kinds_of_sockets_do_not_mix() {
    run(|| {
        let (_listener, path, folder) = listener();
        let wrong_type = std::io::Error::from_raw_os_error(91); // EPROTOTYPE of Linux
        let socket = UnixDatagram::unbound().unwrap();
        let error = socket.connect(&path).unwrap_err();
        assert_eq!(error.raw_os_error(), wrong_type.raw_os_error());
        let (_socket, path) = bound(&folder, "socket");
        let error = UnixStream::connect(&path).unwrap_err();
        assert_eq!(error.raw_os_error(), wrong_type.raw_os_error());
        std::fs::write(folder.path("file"), "no socket").unwrap();
        let error = UnixStream::connect(folder.path("file")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let unnamed = SocketAddr::from_pathname("").unwrap();
        let error = UnixStream::connect_addr(&unnamed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}
