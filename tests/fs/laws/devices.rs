//! Files that are none: pipes, FIFOs, devices, sockets.

use std::io::{ErrorKind, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use super::fixture::{LARGE, bytes, in_each};
use super::fs::{self, File, OpenOptions};
use super::thread;
use super::unix::{FileExt, OpenOptionsExt};

#[test]
fn devices_without_waits_are_read_and_written() {
    super::run(|| {
        let mut zeroes = vec![1; LARGE];
        File::open("/dev/zero").unwrap().read_exact(&mut zeroes).unwrap();
        assert!(zeroes.iter().all(|&byte| byte == 0));
        assert_eq!(fs::read("/dev/null").unwrap(), b"");
        let mut null = OpenOptions::new().write(true).open("/dev/null").unwrap();
        null.write_all(&zeroes).unwrap();
        fs::write("/dev/null", &zeroes).unwrap();
        let mut random = [0; 64];
        File::open("/dev/urandom").unwrap().read_exact(&mut random).unwrap();
        assert!(random.iter().any(|&byte| byte != 0));
    });
}

#[test]
fn a_fifo_waits_for_its_other_end_and_then_for_bytes() {
    in_each(|dir| {
        let path = dir.fifo("fifo");
        let reader = {
            let path = path.clone();
            thread::spawn(move || {
                let (mut file, mut read) = (File::open(path).unwrap(), Vec::new());
                file.read_to_end(&mut read).unwrap();
                read
            })
        };
        let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
        // More than the pipe holds: the writer waits for the reader, too.
        writer.write_all(&bytes(LARGE)).unwrap();
        drop(writer);
        assert!(reader.join().unwrap() == bytes(LARGE));
    });
}

#[test]
fn whole_fifos_are_read_and_written() {
    in_each(|dir| {
        let path = dir.fifo("fifo");
        let writer = {
            let path = path.clone();
            thread::spawn(move || fs::write(path, bytes(LARGE)).unwrap())
        };
        assert!(fs::read(&path).unwrap() == bytes(LARGE));
        writer.join().unwrap();
        let copy = fs::copy("/dev/null", dir.join("copy")).unwrap_err();
        assert_eq!(copy.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_fifo_has_no_position() {
    in_each(|dir| {
        let mut options = OpenOptions::new();
        let mut fifo = options.read(true).write(true).open(dir.fifo("fifo")).unwrap();
        assert_eq!(fifo.stream_position().unwrap_err().kind(), ErrorKind::NotSeekable);
        assert_eq!(fifo.read_at(&mut [0], 0).unwrap_err().kind(), ErrorKind::NotSeekable);
        assert_eq!(fifo.write_at(&[0], 0).unwrap_err().kind(), ErrorKind::NotSeekable);
        fifo.write_all(b"itself").unwrap();
        let mut read = [0; 6];
        fifo.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"itself");
    });
}

#[test]
fn who_asked_not_to_wait_does_not() {
    in_each(|dir| {
        let path = dir.fifo("fifo");
        let mut options = OpenOptions::new();
        let mut fifo = options.read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        assert_eq!(fifo.read(&mut [0]).unwrap(), 0, "there is no writer");
        let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
        assert_eq!(fifo.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        writer.write_all(b"x").unwrap();
        assert_eq!(fifo.read(&mut [0; 9]).unwrap(), 1);
        let mut options = OpenOptions::new();
        let alone = options.write(true).custom_flags(libc::O_NONBLOCK).open(dir.fifo("alone"));
        assert_eq!(alone.unwrap_err().raw_os_error(), Some(libc::ENXIO));
    });
}

#[test]
fn a_pipe_without_a_reader_is_broken() {
    in_each(|dir| {
        let path = dir.fifo("fifo");
        let reader = {
            let path = path.clone();
            thread::spawn(move || File::open(path).unwrap())
        };
        let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
        drop(reader.join().unwrap());
        assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        // And is none as soon as there is one.
        let reader = {
            let path = path.clone();
            thread::spawn(move || File::open(path).unwrap())
        };
        let mut reader = reader.join().unwrap();
        writer.write_all(b"y").unwrap();
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"y");
        drop(reader);
        assert_eq!(writer.write(b"z").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn anonymous_pipes_and_sockets_are_files_too() {
    super::run(|| {
        let (reader, writer) = std::io::pipe().unwrap();
        let (mut reader, mut writer) = (of(reader), of(writer));
        let other = thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            read
        });
        thread::sleep(std::time::Duration::from_millis(5));
        writer.write_all(&bytes(LARGE)).unwrap();
        drop(writer);
        assert!(other.join().unwrap() == bytes(LARGE));
        let (one, two) = UnixStream::pair().unwrap();
        let (mut one, mut two) = (of(one), of(two));
        let echo = thread::spawn(move || {
            let mut byte = [0];
            two.read_exact(&mut byte).unwrap();
            two.write_all(&byte).unwrap();
        });
        thread::sleep(std::time::Duration::from_millis(5));
        one.write_all(b"!").unwrap();
        let mut read = Vec::new();
        one.read_to_end(&mut read).unwrap();
        assert_eq!(read, b"!");
        echo.join().unwrap();
    });
}

fn of(fd: impl Into<OwnedFd>) -> File {
    File::from(fd.into())
}
