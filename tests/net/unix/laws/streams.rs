//! Moving bytes: partial, vectored, empty, and plenty of them both ways.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use super::fixture::{connection, let_others_wait};
use super::net::UnixStream;
use super::{run, thread};

#[test]
fn pair_talks_both_ways() {
    run(|| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        one.write_all(b"hello").unwrap();
        let mut buffer = [0; 16];
        other.read_exact(&mut buffer[..5]).unwrap();
        assert_eq!(&buffer[..5], b"hello");
        (&other).write_all(b"world!").unwrap();
        (&one).read_exact(&mut buffer[..6]).unwrap();
        assert_eq!(&buffer[..6], b"world!");
        one.flush().unwrap();
    });
}

#[test]
fn vectored_read_fills_one_buffer_after_the_other() {
    run(|| {
        let (mut client, mut server) = connection();
        client.write_all(&[10, 11, 12]).unwrap();
        let (mut none, mut one, mut three) = ([0; 0], [0; 1], [0; 3]);
        let mut buffers = [&mut none[..], &mut one[..], &mut three[..]].map(IoSliceMut::new);
        assert_eq!(server.read_vectored(&mut buffers).unwrap(), 3);
        assert_eq!((one, three), ([10], [11, 12, 0]));
    });
}

#[test]
fn vectored_read_waits_for_data() {
    run(|| {
        let (mut client, server) = connection();
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
    run(|| {
        let (mut client, mut server) = connection();
        let buffers = [&[][..], &[10], &[11, 12]].map(IoSlice::new);
        assert_eq!(client.write_vectored(&buffers).unwrap(), 3);
        assert_eq!((&client).write_vectored(&buffers).unwrap(), 3);
        let mut bytes = [0; 6];
        server.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, [10, 11, 12, 10, 11, 12]);
    });
}

#[test]
fn more_buffers_than_the_kernel_takes_are_a_short_count() {
    run(|| {
        let (mut client, mut server) = connection();
        let byte = [3];
        let buffers: Vec<_> = (0..2000).map(|_| IoSlice::new(&byte)).collect();
        assert_eq!(client.write_vectored(&buffers).unwrap(), 1024);
        server.read_exact(&mut [0; 1024]).unwrap();
        client.write_all(&[4; 2000]).unwrap();
        let mut bytes = vec![[0]; 2000];
        let mut buffers: Vec<_> = bytes.iter_mut().map(|byte| IoSliceMut::new(byte)).collect();
        assert_eq!(server.read_vectored(&mut buffers).unwrap(), 1024);
    });
}

#[test]
fn nothing_to_move_does_not_wait() {
    run(|| {
        let (mut client, mut server) = connection();
        assert_eq!(server.read_vectored(&mut []).unwrap(), 0);
        assert_eq!(server.read_vectored(&mut [IoSliceMut::new(&mut [])]).unwrap(), 0);
        assert_eq!(client.write_vectored(&[]).unwrap(), 0);
        assert_eq!(client.write(&[]).unwrap(), 0);
        // Not even when there is no room.
        client.set_nonblocking(true).unwrap();
        while client.write(&[0; 65536]).is_ok() {}
        client.set_nonblocking(false).unwrap();
        assert_eq!(client.write(&[]).unwrap(), 0);
        assert_eq!(client.write_vectored(&[IoSlice::new(&[])]).unwrap(), 0);
    });
}

#[test]
fn reader_waits_for_a_late_writer() {
    run(|| {
        let (mut client, mut server) = connection();
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4];
            server.read_exact(&mut bytes).unwrap();
            bytes
        });
        for byte in 0..4 {
            let_others_wait();
            client.write_all(&[byte]).unwrap();
        }
        assert_eq!(reader.join().unwrap(), [0, 1, 2, 3]);
    });
}

#[test]
fn writer_waits_for_a_slow_reader() {
    run(|| {
        const BYTES: usize = 8 << 20;
        let (mut client, mut server) = connection();
        let writer = thread::spawn(move || {
            let bytes: Vec<u8> = (0..BYTES).map(|index| (index / 7) as u8).collect();
            client.write_all(&bytes).unwrap();
        });
        let_others_wait();
        let mut bytes = Vec::new();
        server.read_to_end(&mut bytes).unwrap();
        writer.join().unwrap();
        assert_eq!(bytes.len(), BYTES);
        assert!(bytes.iter().enumerate().all(|(index, byte)| *byte == (index / 7) as u8));
    });
}

#[test]
fn vectored_writer_waits_for_a_slow_reader() {
    run(|| {
        let (client, mut server) = connection();
        let writer = thread::spawn(move || {
            let (one, other) = (vec![1; 300_000], vec![2; 300_000]);
            let mut count = 0;
            while count < 3_000_000 {
                let buffers = [IoSlice::new(&one), IoSlice::new(&other)];
                count += (&client).write_vectored(&buffers).unwrap();
            }
            count
        });
        let_others_wait();
        let mut bytes = Vec::new();
        server.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len(), writer.join().unwrap());
    });
}

/// C59
#[test]
fn ten_megabytes_go_both_ways_at_once_unharmed() {
    run(|| {
        let (client, server) = connection();
        for stream in [&client, &server] {
            // A stall would otherwise hang the test instead of failing it.
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        }
        let both = [(client, 1), (server, 2)].map(|(stream, seed)| {
            let reading = stream.try_clone().unwrap();
            (thread::spawn(move || send(stream, seed)), thread::spawn(move || receive(reading)))
        });
        let [(sent_up, got_down), (sent_down, got_up)] =
            both.map(|(writer, reader)| (writer.join().unwrap(), reader.join().unwrap()));
        assert_eq!(sent_up, got_up);
        assert_eq!(sent_down, got_down);
        assert_ne!(sent_up, sent_down);
    });
}

/// Sends ten megabytes in pieces of changing size, and returns their length and checksum.
fn send(mut stream: UnixStream, seed: u64) -> (usize, u64) {
    let (mut total, mut sum, mut state) = (0, 0, seed);
    while total < 10_000_000 {
        // Knuth's MMIX generator.
        state = 6_364_136_223_846_793_005_u64.wrapping_mul(state);
        state = state.wrapping_add(1_442_695_040_888_963_407);
        let size = 1 + (state >> 47) as usize % 100_000;
        let piece: Vec<u8> = (0..size).map(|index| (state >> 33) as u8 ^ index as u8).collect();
        sum = checksum(sum, &piece);
        total += size;
        stream.write_all(&piece).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    (total, sum)
}

fn receive(mut stream: UnixStream) -> (usize, u64) {
    let (mut total, mut sum, mut buffer) = (0, 0, vec![0; 64 << 10]);
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return (total, sum),
            count => {
                total += count;
                sum = checksum(sum, &buffer[..count]);
            }
        }
    }
}

/// Of order as well as content.
fn checksum(sum: u64, piece: &[u8]) -> u64 {
    piece.iter().fold(sum, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
