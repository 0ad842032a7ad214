//! Seeking, and what moves the position.

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

use super::fixture::in_each;
use super::fs::{File, OpenOptions};
use super::unix::FileExt;

#[test]
fn seeks_go_from_the_start_the_end_and_here() {
    in_each(|dir| {
        let mut file = File::open(dir.file("file", "0123456789")).unwrap();
        let mut next = |pos| {
            let at = file.seek(pos).unwrap();
            let mut byte = [b'-'];
            file.read_exact(&mut byte).map_or((at, '-'), |()| (at, char::from(byte[0])))
        };
        assert_eq!(next(SeekFrom::Start(3)), (3, '3'));
        assert_eq!(next(SeekFrom::Current(2)), (6, '6'));
        assert_eq!(next(SeekFrom::Current(-7)), (0, '0'));
        assert_eq!(next(SeekFrom::End(-1)), (9, '9'));
        assert_eq!(next(SeekFrom::End(0)), (10, '-'));
        assert_eq!(next(SeekFrom::End(5)), (15, '-'));
        file.rewind().unwrap();
        assert_eq!(file.stream_position().unwrap(), 0);
        file.seek_relative(4).unwrap();
        assert_eq!(file.stream_position().unwrap(), 4);
    });
}

#[test]
fn there_is_nothing_before_the_start() {
    in_each(|dir| {
        let mut file = File::open(dir.file("file", "0123456789")).unwrap();
        file.seek(SeekFrom::Start(3)).unwrap();
        for wrong in [SeekFrom::Current(-4), SeekFrom::End(-11), SeekFrom::Start(u64::MAX)] {
            assert_eq!(file.seek(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(file.stream_position().unwrap(), 3, "a failed seek moves nothing");
    });
}

#[test]
fn a_read_at_an_offset_leaves_the_position_alone() {
    in_each(|dir| {
        let mut file = File::open(dir.file("file", "0123456789")).unwrap();
        file.seek(SeekFrom::Start(5)).unwrap();
        let mut three = [0; 3];
        file.read_exact_at(&mut three, 1).unwrap();
        assert_eq!(&three, b"123");
        assert_eq!(file.read_at(&mut three, 8).unwrap(), 2);
        file.read_exact(&mut three).unwrap();
        assert_eq!(&three, b"567");
    });
}

#[test]
fn reads_and_writes_share_the_position() {
    in_each(|dir| {
        let path = dir.file("file", "0123456789");
        let mut file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut two = [0; 2];
        file.read_exact(&mut two).unwrap();
        file.write_all(b"ab").unwrap();
        file.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"45");
        assert_eq!(std::fs::read(&path).unwrap(), b"01ab456789");
    });
}
