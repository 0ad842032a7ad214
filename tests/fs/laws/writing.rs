//! Writes: at the position, at the end, at an offset; lengths; what does not fit.

use std::io::{BufWriter, ErrorKind, IoSlice, Read, Seek, SeekFrom, Write};

use super::fixture::{LARGE, bytes, in_each};
use super::fs::{self, File, OpenOptions};
use super::unix::FileExt;

#[test]
fn what_is_written_is_read() {
    in_each(|dir| {
        let path = dir.join("file");
        for len in [0, 1, 4096, LARGE, 2_500_000] {
            File::create(&path).unwrap().write_all(&bytes(len)).unwrap();
            assert!(std::fs::read(&path).unwrap() == bytes(len), "{len} bytes");
            fs::write(&path, bytes(len)).unwrap();
            assert!(std::fs::read(&path).unwrap() == bytes(len), "{len} bytes at once");
        }
        let mut file = BufWriter::new(File::create(&path).unwrap());
        for byte in bytes(9999) {
            file.write_all(&[byte]).unwrap();
        }
        file.flush().unwrap();
        assert!(std::fs::read(&path).unwrap() == bytes(9999));
    });
}

#[test]
fn appended_bytes_go_to_the_end_whatever_the_position() {
    in_each(|dir| {
        let path = dir.file("log", "0");
        let mut options = OpenOptions::new();
        let mut one = options.append(true).read(true).open(&path).unwrap();
        let mut other = options.open(&path).unwrap();
        one.write_all(b"1").unwrap();
        other.write_all(b"2").unwrap();
        one.rewind().unwrap();
        one.write_all(b"3").unwrap();
        assert_eq!(one.stream_position().unwrap(), 4);
        // Linux appends here, too: BUGS of pwrite(2).
        one.write_at(b"4", 0).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"01234");
    });
}

#[test]
fn a_write_at_an_offset_leaves_the_position_alone() {
    in_each(|dir| {
        let path = dir.file("file", "abcdef");
        let mut file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(2)).unwrap();
        assert_eq!(file.write_at(b"XY", 4).unwrap(), 2);
        file.write_all_at(&bytes(300_000), 10).unwrap();
        let mut two = [0; 2];
        file.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"cd");
        assert_eq!(file.stream_position().unwrap(), 4);
        let written = std::fs::read(&path).unwrap();
        // There is a hole where nothing was written.
        assert_eq!(&written[..10], b"abcdXY\0\0\0\0");
        assert!(written[10..] == bytes(300_000)[..]);
        let beyond = file.write_at(b"x", u64::MAX).unwrap_err();
        assert_eq!(beyond.kind(), ErrorKind::InvalidInput);
        assert_eq!(file.read_at(&mut two, u64::MAX).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn several_buffers_are_written_in_their_order() {
    in_each(|dir| {
        let path = dir.join("file");
        let mut file = File::create(&path).unwrap();
        let (small, large) = (bytes(3), bytes(70_000));
        let buffers = [IoSlice::new(&[]), IoSlice::new(&small), IoSlice::new(&large)];
        assert_eq!(file.write_vectored(&buffers).unwrap(), 70_003);
        assert!(std::fs::read(&path).unwrap() == [&small[..], &large].concat());
        assert_eq!(file.write_vectored(&[]).unwrap(), 0);
        assert_eq!(file.write(&[]).unwrap(), 0);
        let three_hundred = vec![IoSlice::new(&small); 300];
        assert_eq!(file.write_vectored(&three_hundred).unwrap(), 900);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 70_903);
    });
}

#[test]
fn lengths_are_set() {
    in_each(|dir| {
        let path = dir.file("file", "abcdef");
        let mut file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.set_len(3).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
        assert_eq!(file.stream_position().unwrap(), 6, "the position stays");
        file.write_all(b"z").unwrap();
        file.set_len(8).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abc\0\0\0z\0");
        assert!(file.set_len(u64::MAX).is_err());
        file.sync_all().unwrap();
        file.sync_data().unwrap();
    });
}

#[test]
fn a_full_device_has_no_room() {
    super::run(|| {
        let mut full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(full.write(b"x").unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(full.write_all(&bytes(LARGE)).unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(full.write_at(b"x", 9).unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(fs::write("/dev/full", "x").unwrap_err().kind(), ErrorKind::StorageFull);
        let mut buffered = BufWriter::new(full);
        buffered.write_all(b"x").unwrap();
        assert_eq!(buffered.flush().unwrap_err().kind(), ErrorKind::StorageFull);
    });
}
