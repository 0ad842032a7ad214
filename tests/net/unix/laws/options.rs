//! `Debug`, conversions of descriptors, and what they keep.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

use super::fixture::{Folder, abstract_address, assert_path, bound, connection, listener};
use super::net::{UnixDatagram, UnixListener, UnixStream};
use super::run;

/// How std's `Debug` form of these sockets shows the number.
fn shown(fd: &impl AsRawFd) -> String {
    format!("fd: FileDesc(OwnedFd {{ fd: {} }})", fd.as_raw_fd())
}

#[test]
fn debug_shows_descriptor_and_addresses() {
    run(|| {
        let (listener, path, folder) = listener();
        let expected =
            format!("UnixListener {{ {}, local: {path:?} (pathname) }}", shown(&listener));
        assert_eq!(format!("{listener:?}"), expected);
        let expected = format!("Incoming {{ listener: {expected} }}");
        assert_eq!(format!("{:?}", listener.incoming()), expected);
        let stream = UnixStream::connect(&path).unwrap();
        let expected = format!(
            "UnixStream {{ {}, local: (unnamed), peer: {path:?} (pathname) }}",
            shown(&stream)
        );
        assert_eq!(format!("{stream:?}"), expected);
        assert!(format!("{stream:#?}").contains("FileDesc(\n        OwnedFd {\n"));
        let (socket, path) = bound(&folder, "socket");
        let expected = format!("UnixDatagram {{ {}, local: {path:?} (pathname) }}", shown(&socket));
        assert_eq!(format!("{socket:?}"), expected);
    });
}

#[test]
fn descriptors_leave_in_the_mode_that_their_user_chose() {
    run(|| {
        let mode = |fd: &OwnedFd| socket2::SockRef::from(fd).nonblocking().unwrap();
        for nonblocking in [false, true] {
            let listener = UnixListener::bind_addr(&abstract_address()).unwrap();
            let (client, server) = connection();
            let socket = UnixDatagram::unbound().unwrap();
            client.set_nonblocking(nonblocking).unwrap();
            server.set_nonblocking(nonblocking).unwrap();
            listener.set_nonblocking(nonblocking).unwrap();
            socket.set_nonblocking(nonblocking).unwrap();
            let fds: [OwnedFd; 4] =
                [client.into(), server.into(), listener.into(), socket.into()];
            assert!(fds.iter().all(|fd| mode(fd) == nonblocking));
        }
    });
}

#[test]
fn descriptors_are_closed_on_exec() {
    run(|| {
        let (client, server) = connection();
        let (one, other) = UnixStream::pair().unwrap();
        let listener = UnixListener::bind("").unwrap();
        let (socket, _other) = UnixDatagram::pair().unwrap();
        let (clone, unbound) = (server.try_clone().unwrap(), UnixDatagram::unbound().unwrap());
        let fds: [OwnedFd; 8] = [
            client.into(),
            server.into(),
            one.into(),
            other.into(),
            listener.into(),
            socket.into(),
            clone.into(),
            unbound.into(),
        ];
        for fd in fds {
            let info = format!("/proc/self/fdinfo/{}", fd.as_raw_fd());
            let info = std::fs::read_to_string(info).unwrap();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
            let close_on_exec = 0o2_000_000; // O_CLOEXEC of Linux
            assert_ne!(u32::from_str_radix(flags.trim(), 8).unwrap() & close_on_exec, 0);
        }
    });
}

#[test]
fn sockets_survive_a_round_trip_as_owned_descriptors() {
    run(|| {
        let (listener, path, folder) = listener();
        let listener = UnixListener::from(OwnedFd::from(listener));
        assert_path(&listener.local_addr().unwrap(), &path);
        let client = UnixStream::connect(&path).unwrap();
        let mut client = UnixStream::from(OwnedFd::from(client));
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[4]).unwrap();
        let mut byte = [0];
        server.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [4]);
        let (socket, path) = bound(&folder, "socket");
        let socket = UnixDatagram::from(OwnedFd::from(socket));
        assert_path(&socket.local_addr().unwrap(), &path);
    });
}

#[test]
#[allow(unsafe_code)]
fn raw_descriptors_make_the_round_trip() {
    run(|| {
        let (one, other) = UnixStream::pair().unwrap();
        let raw = one.as_raw_fd();
        let left = one.into_raw_fd();
        assert_eq!(left, raw);
        // SAFETY: `into_raw_fd` has just given up the ownership of this descriptor.
        let mut one = unsafe { UnixStream::from_raw_fd(left) };
        one.write_all(&[1]).unwrap();
        assert_eq!((&other).read(&mut [0]).unwrap(), 1);
        let left = UnixListener::bind("").unwrap().into_raw_fd();
        // SAFETY: as above.
        let listener = unsafe { UnixListener::from_raw_fd(left) };
        UnixStream::connect_addr(&listener.local_addr().unwrap()).unwrap();
        let left = UnixDatagram::unbound().unwrap().into_raw_fd();
        // SAFETY: as above.
        let socket = unsafe { UnixDatagram::from_raw_fd(left) };
        socket.send_to(&[1], Folder::new().path("nobody")).unwrap_err();
    });
}
