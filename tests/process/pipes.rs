//! Pipes between threads.

use crate::fixture::beside_a_neighbour;
use greenstd::io::{PipeReader, PipeWriter};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

parity! {
    fn what_is_written_is_read_until_the_last_writer_is_closed() {
        let (mut reader, writer) = io::pipe().unwrap();
        let copy = writer.try_clone().unwrap();
        let writing = [writer, copy].map(|mut writer| {
            thread::spawn(move || writer.write_all(&[7; 100_000]).unwrap())
        });
        let mut bytes = Vec::new();
        assert_eq!(reader.read_to_end(&mut bytes).unwrap(), 200_000);
        assert!(bytes.iter().all(|&byte| byte == 7));
        writing.into_iter().for_each(|writing| writing.join().unwrap());
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }

    fn a_write_that_nobody_can_read_is_a_broken_pipe() {
        let (reader, mut writer) = io::pipe().unwrap();
        drop(reader);
        assert_eq!(writer.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    fn readers_that_wait_hear_of_the_end() {
        let (reader, writer) = io::pipe().unwrap();
        let copy = reader.try_clone().unwrap();
        let reading = [reader, copy].map(|mut reader| {
            thread::spawn(move || reader.read(&mut [0]).unwrap())
        });
        thread::sleep(Duration::from_millis(5));
        drop(writer);
        for reading in reading {
            assert_eq!(reading.join().unwrap(), 0);
        }
    }

    fn writers_that_wait_hear_that_nobody_reads() {
        let (reader, mut writer) = io::pipe().unwrap();
        let writing = thread::spawn(move || writer.write_all(&[0; 1 << 20]).unwrap_err().kind());
        thread::sleep(Duration::from_millis(5));
        drop(reader);
        assert_eq!(writing.join().unwrap(), io::ErrorKind::BrokenPipe);
    }

    fn several_buffers_are_one_call() {
        let (reader, writer) = io::pipe().unwrap();
        let sent = (&writer).write_vectored(&[IoSlice::new(b"abc"), IoSlice::new(b"de")]).unwrap();
        assert_eq!(sent, 5);
        let (mut first, mut second) = ([0; 2], [0; 9]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!((&reader).read_vectored(&mut buffers).unwrap(), 5);
        assert_eq!((&first, &second[..3]), (b"ab", b"cde".as_slice()));
    }

    fn nothing_is_moved_without_waiting() {
        let (mut reader, mut writer) = io::pipe().unwrap();
        assert_eq!(reader.read(&mut []).unwrap(), 0);
        assert_eq!(writer.write(&[]).unwrap(), 0);
        assert!(writer.flush().is_ok());
    }
}

laws! {
    // C70
    fn a_writer_parks_until_its_reader_starts_and_all_bytes_arrive() {
        let (mut reader, mut writer) = greenstd::io::pipe().unwrap();
        let sent: Vec<u8> = (0..1_000_000_u32).map(|byte| (byte % 251) as u8).collect();
        let expected = sent.clone();
        let writing = thread::spawn(move || writer.write_all(&sent));
        beside_a_neighbour(|| thread::sleep(Duration::from_millis(50)));
        assert!(!writing.is_finished());
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        assert!(received == expected);
        writing.join().unwrap().unwrap();
    }

    fn a_killed_reader_loses_no_byte() {
        let (reader, mut writer) = greenstd::io::pipe().unwrap();
        let mut copy = reader.try_clone().unwrap();
        let reading = thread::spawn(move || (&reader).read(&mut [0; 8]).unwrap());
        thread::sleep(Duration::from_millis(5));
        assert!(reading.kill_and_wait(None).unwrap());
        writer.write_all(b"x").unwrap();
        drop(writer);
        let mut left = Vec::new();
        copy.read_to_end(&mut left).unwrap();
        assert_eq!(left, b"x");
    }

    fn a_timeout_scope_ends_a_wait_and_the_pipe_goes_on() {
        let (mut reader, mut writer) = greenstd::io::pipe().unwrap();
        let scope = |time| greenstd::time::timeout(time, || (&reader).read(&mut [0; 8]));
        assert!(scope(Duration::from_millis(5)).is_err());
        writer.write_all(b"x").unwrap();
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
    }

    fn the_description_stays_blocking_for_whoever_shares_it() {
        let (reader, writer) = greenstd::io::pipe().unwrap();
        let writing = thread::spawn(move || {
            (&writer).write_all(&[0; 200_000]).unwrap();
            writer
        });
        let mut bytes = vec![0; 200_000];
        (&reader).read_exact(&mut bytes).unwrap();
        let writer = writing.join().unwrap();
        for number in [reader.as_raw_fd(), writer.as_raw_fd()] {
            // SAFETY: asks for flags of an open descriptor.
            let flags = unsafe { libc::fcntl(number, libc::F_GETFL) };
            assert_eq!(flags & libc::O_NONBLOCK, 0);
        }
    }

    fn ends_are_converted_to_and_from_those_of_std() {
        let (reader, writer) = greenstd::io::pipe().unwrap();
        let mut writer = std::io::PipeWriter::from(writer);
        writer.write_all(b"abc").unwrap();
        let mut reader = std::io::PipeReader::from(reader);
        reader.read_exact(&mut [0]).unwrap();
        let mut reader = PipeReader::from(OwnedFd::from(reader));
        reader.read_exact(&mut [0]).unwrap();
        // SAFETY: it was just given up.
        let mut reader = unsafe { PipeReader::from_raw_fd(reader.into_raw_fd()) };
        let writer = PipeWriter::from(writer);
        drop(writer);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "c");
    }

    fn an_end_of_something_else_works_as_well() {
        let (near, mut far) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut reader = PipeReader::from(OwnedFd::from(near));
        let reading = thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        far.write_all(b"of a socket").unwrap();
        drop(far);
        assert_eq!(reading.join().unwrap().unwrap(), "of a socket");
        let file = std::fs::File::open("/proc/self/comm").unwrap();
        let mut reader = PipeReader::from(OwnedFd::from(file));
        assert_ne!(reader.read_to_end(&mut Vec::new()).unwrap(), 0);
        let null = std::fs::File::open("/dev/zero").unwrap();
        let mut reader = PipeReader::from(OwnedFd::from(null));
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 8);
        let file = OwnedFd::from(std::fs::File::open("/proc/self/comm").unwrap());
        let error = PipeWriter::from(file).write(b"x").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        assert_ne!(error.kind(), ErrorKind::WouldBlock);
    }
}
