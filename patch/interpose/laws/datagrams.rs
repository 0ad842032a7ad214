//! Datagrams and many messages at once, on green threads of one worker.

use super::{WHILE, hooked, pause};
use greenstd_runtime::thread;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

#[test]
fn datagrams_of_udp_and_unix_park_and_keep_their_boundaries() {
    hooked().run(|| {
        let ours = UdpSocket::bind(LOOPBACK).unwrap();
        let theirs = UdpSocket::bind(LOOPBACK).unwrap();
        let address = ours.local_addr().unwrap();
        let receiver = thread::spawn(move || {
            let mut buffer = [0; 64];
            let lengths = [(); 2].map(|()| ours.recv_from(&mut buffer).unwrap().0);
            ours.set_read_timeout(Some(WHILE)).unwrap();
            assert_eq!(ours.recv(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
            lengths
        });
        pause();
        assert_eq!(theirs.send_to(b"four", address).unwrap(), 4);
        assert_eq!(theirs.send_to(&[], address).unwrap(), 0);
        assert_eq!(receiver.join().unwrap(), [4, 0]);
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let receiver = thread::spawn(move || {
            (0..1_000).map(|_| ours.recv(&mut [0; 64]).unwrap()).sum::<usize>()
        });
        // More than the queue holds: the sender waits, too.
        (0..1_000).for_each(|_| assert_eq!(theirs.send(b"abc").unwrap(), 3));
        assert_eq!(receiver.join().unwrap(), 3_000);
    });
}

#[test]
fn many_messages_are_received_and_sent_by_one_call() {
    hooked().run(|| {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let call = |is_receive: bool, fd: i32, buffers: &mut [[u8; 4]; 3], flags: i32| {
            let mut lists = buffers.each_mut().map(|buffer| libc::iovec {
                iov_base: buffer.as_mut_ptr().cast(),
                iov_len: buffer.len(),
            });
            let mut messages = lists.each_mut().map(|list| {
                // SAFETY: plain data.
                let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
                message.msg_hdr.msg_iov = list;
                message.msg_hdr.msg_iovlen = 1;
                message
            });
            let start = messages.as_mut_ptr();
            if is_receive {
                // SAFETY: three messages, whose buffers are alive.
                return unsafe { libc::recvmmsg(fd, start, 3, flags, std::ptr::null_mut()) };
            }
            // SAFETY: as above.
            unsafe { libc::sendmmsg(fd, start, 3, flags) }
        };
        let receiver = thread::spawn(move || {
            let mut buffers = [[0; 4]; 3];
            let fd = ours.as_raw_fd();
            let one = call(true, fd, &mut buffers, libc::MSG_WAITFORONE);
            let all = call(true, fd, &mut buffers, 0);
            (one, all, buffers[2])
        });
        pause();
        theirs.send(b"one.").unwrap();
        pause();
        theirs.send(b"two.").unwrap();
        pause();
        assert_eq!(call(false, theirs.as_raw_fd(), &mut [*b"x...", *b"y...", *b"z..."], 0), 3);
        assert_eq!(receiver.join().unwrap(), (1, 3, *b"y..."));
    });
}
