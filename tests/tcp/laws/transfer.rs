//! Moving bytes: partial, vectored, empty, peeked at, and plenty of them both ways.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::time::Duration;

use super::fixture::{let_others_wait, pair};
use super::net::{Shutdown, TcpStream};
use super::{run, run_without_faults, thread};
use crate::unfaulted::without_faults;

#[test]
fn read_returns_what_is_there() {
    run(|| {
        let (mut client, mut server) = pair();
        client.write_all(&[10]).unwrap();
        let mut buffer = [0; 10];
        assert_eq!(server.read(&mut buffer).unwrap(), 1);
        client.write_all(&[11, 12]).unwrap();
        server.read_exact(&mut buffer[..2]).unwrap();
        assert_eq!(buffer[..2], [11, 12]);
    });
}

#[test]
fn vectored_read_fills_one_buffer_after_the_other() {
    run_without_faults(|| {
        let (mut client, mut server) = pair();
        client.write_all(&[10, 11, 12]).unwrap();
        let (mut none, mut one, mut three) = ([0; 0], [0; 1], [0; 3]);
        let mut buffers =
            [&mut none[..], &mut one[..], &mut three[..]].map(IoSliceMut::new);
        assert_eq!(server.read_vectored(&mut buffers).unwrap(), 3);
        assert_eq!((one, three), ([10], [11, 12, 0]));
    });
}

#[test]
fn vectored_read_waits_for_data() {
    run(|| {
        let (mut client, server) = pair();
        let reader = thread::spawn(move || {
            let mut bytes = [0; 2];
            let count = (&server).read_vectored(&mut [IoSliceMut::new(&mut bytes)]).unwrap();
            (count, bytes)
        });
        let_others_wait();
        client.write_all(&[5]).unwrap();
        assert_eq!(reader.join().unwrap(), (1, [5, 0]));
    });
}

#[test]
fn vectored_write_sends_one_buffer_after_the_other() {
    run_without_faults(|| {
        let (mut client, mut server) = pair();
        let buffers = [&[][..], &[10], &[11, 12]].map(IoSlice::new);
        assert_eq!(client.write_vectored(&buffers).unwrap(), 3);
        let mut bytes = [0; 3];
        server.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, [10, 11, 12]);
    });
}

#[test]
fn more_buffers_than_the_kernel_takes_are_a_short_count() {
    run_without_faults(|| {
        let (mut client, mut server) = pair();
        let byte = [3];
        let buffers: Vec<_> = (0..2000).map(|_| IoSlice::new(&byte)).collect();
        assert_eq!(client.write_vectored(&buffers).unwrap(), 1024);
        server.read_exact(&mut [0; 1024]).unwrap();
        client.write_all(&[4; 2000]).unwrap();
        let_others_wait();
        let mut bytes = vec![[0]; 2000];
        let mut buffers: Vec<_> = bytes.iter_mut().map(|byte| IoSliceMut::new(byte)).collect();
        assert_eq!(server.read_vectored(&mut buffers).unwrap(), 1024);
    });
}

#[test]
fn nothing_to_move_does_not_wait() {
    run_without_faults(|| {
        let (mut client, mut server) = pair();
        assert_eq!(server.read_vectored(&mut []).unwrap(), 0);
        assert_eq!(server.read_vectored(&mut [IoSliceMut::new(&mut [])]).unwrap(), 0);
        assert_eq!(client.write_vectored(&[]).unwrap(), 0);
        assert_eq!(client.write(&[]).unwrap(), 0);
        // Not even when there is no room.
        client.set_nonblocking(true).unwrap();
        let chunk = vec![0; 1 << 20];
        while client.write(&chunk).is_ok() {}
        client.set_nonblocking(false).unwrap();
        assert_eq!(client.write(&[]).unwrap(), 0);
        assert_eq!(client.write_vectored(&[IoSlice::new(&[])]).unwrap(), 0);
    });
}

#[test]
fn peek_leaves_the_bytes_for_the_next_read() {
    run(|| {
        let (mut client, mut server) = pair();
        let reader = thread::spawn(move || {
            let mut buffer = [0; 8];
            // More room than there is data: the short count must not spoil the read after it.
            for _ in 0..2 {
                assert_eq!(server.peek(&mut buffer).unwrap(), 3);
                assert_eq!(buffer[..3], [1, 2, 3]);
            }
            buffer.fill(0);
            // A fault would rightly shorten it.
            let count = without_faults(|| server.read(&mut buffer)).unwrap();
            assert_eq!((count, &buffer[..3]), (3, &[1, 2, 3][..]));
            server.set_nonblocking(true).unwrap();
            assert_eq!(server.peek(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        });
        let_others_wait();
        // Nor in parts, of which the reader would see the first alone.
        without_faults(|| client.write_all(&[1, 2, 3])).unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn writer_waits_for_a_slow_reader() {
    run(|| {
        const BYTES: usize = 16 << 20;
        let (mut client, mut server) = pair();
        let writer = thread::spawn(move || {
            let bytes: Vec<u8> = (0..BYTES).map(|index| index as u8).collect();
            client.write_all(&bytes).unwrap();
        });
        let_others_wait();
        let mut bytes = Vec::new();
        server.read_to_end(&mut bytes).unwrap();
        writer.join().unwrap();
        assert_eq!(bytes.len(), BYTES);
        assert!(bytes.iter().enumerate().all(|(index, byte)| *byte == index as u8));
    });
}

/// C59
#[test]
fn ten_megabytes_go_both_ways_at_once_unharmed() {
    run(|| {
        let (client, server) = pair();
        for stream in [&client, &server] {
            // A stall would otherwise hang the test instead of failing it.
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        }
        let both = [(client, 1), (server, 2)].map(|(stream, seed)| {
            let reading = stream.try_clone().unwrap();
            let writer = thread::spawn(move || send_megabytes(stream, seed));
            let reader = thread::spawn(move || checksum_of_all(reading));
            (writer, reader)
        });
        let [(sent_up, got_down), (sent_down, got_up)] =
            both.map(|(writer, reader)| (writer.join().unwrap(), reader.join().unwrap()));
        assert_eq!(sent_up, got_up);
        assert_eq!(sent_down, got_down);
        assert_ne!(sent_up, sent_down);
    });
}

/// Sends ten megabytes in pieces of changing size, and returns their length and checksum.
fn send_megabytes(mut stream: TcpStream, seed: u64) -> (usize, u64) {
    let mut sum = Checksum::default();
    let mut state = seed;
    while sum.bytes < 10_000_000 {
        // Knuth's MMIX generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005);
        state = state.wrapping_add(1_442_695_040_888_963_407);
        let size = 1 + (state >> 47) as usize % 100_000;
        let piece: Vec<u8> = (0..size).map(|index| (state >> 33) as u8 ^ index as u8).collect();
        sum.add(&piece);
        stream.write_all(&piece).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    (sum.bytes, sum.hash)
}

fn checksum_of_all(mut stream: TcpStream) -> (usize, u64) {
    let mut sum = Checksum::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        if count == 0 {
            return (sum.bytes, sum.hash);
        }
        sum.add(&buffer[..count]);
    }
}

/// FNV-1a, which notices order as well as content.
#[derive(Default)]
struct Checksum {
    bytes: usize,
    hash: u64,
}

impl Checksum {
    fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len();
        for byte in piece {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}
