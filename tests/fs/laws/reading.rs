//! Reads: whole files and pieces, at the end and beyond.

use std::io::{BufRead, BufReader, ErrorKind, IoSliceMut, Read};

use super::fixture::{LARGE, bytes, in_each};
use super::fs::{self, File};
use super::unix::FileExt;

#[test]
fn a_file_is_read_in_pieces_to_its_end() {
    in_each(|dir| {
        for len in [0, 1, 4096, LARGE] {
            let path = dir.file("file", bytes(len));
            for piece in [7919, 65_536, 2 * LARGE] {
                let (mut file, mut read) = (File::open(&path).unwrap(), Vec::new());
                let mut buffer = vec![0; piece];
                loop {
                    match file.read(&mut buffer).unwrap() {
                        0 => break,
                        count => read.extend_from_slice(&buffer[..count]),
                    }
                }
                assert!(read == bytes(len), "{len} bytes in pieces of {piece}");
                assert_eq!(file.read(&mut buffer).unwrap(), 0, "the end stays");
            }
        }
    });
}

#[test]
fn whole_files_are_read() {
    in_each(|dir| {
        for len in [0, 5, LARGE] {
            let path = dir.file("file", bytes(len));
            assert!(fs::read(&path).unwrap() == bytes(len));
            let mut read = b"kept".to_vec();
            let count = File::open(&path).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(count, len);
            assert!(read[4..] == bytes(len)[..] && read.starts_with(b"kept"));
        }
        let text = "straight line\u{2014}\n".repeat(9999);
        let path = dir.file("text", &text);
        assert!(fs::read_to_string(&path).unwrap() == text);
        let lines = BufReader::new(File::open(&path).unwrap()).lines().map(Result::unwrap);
        assert_eq!(lines.filter(|line| line == "straight line\u{2014}").count(), 9999);
    });
}

#[test]
fn text_has_to_be_utf8() {
    in_each(|dir| {
        let path = dir.file("bytes", [b'a', 0xff]);
        assert_eq!(fs::read_to_string(&path).unwrap_err().kind(), ErrorKind::InvalidData);
        let mut text = "kept".to_owned();
        let error = File::open(&path).unwrap().read_to_string(&mut text).unwrap_err();
        assert_eq!((error.kind(), text.as_str()), (ErrorKind::InvalidData, "kept"));
    });
}

#[test]
fn nothing_is_read_into_no_room() {
    in_each(|dir| {
        let mut file = File::open(dir.file("file", "contents")).unwrap();
        assert_eq!(file.read(&mut []).unwrap(), 0);
        assert_eq!(file.read_vectored(&mut []).unwrap(), 0);
        assert_eq!(file.read_at(&mut [], 3).unwrap(), 0);
        let mut byte = [0];
        file.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"c");
    });
}

#[test]
fn a_short_file_fails_an_exact_read() {
    in_each(|dir| {
        let mut file = File::open(dir.file("file", "four")).unwrap();
        let error = file.read_exact(&mut [0; 5]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(file.read_exact_at(&mut [0; 2], 3).unwrap_err().kind(), error.kind());
        assert_eq!(file.read_at(&mut [0; 2], 4).unwrap(), 0);
        assert_eq!(file.read_at(&mut [0; 2], 1 << 40).unwrap(), 0);
    });
}

#[test]
fn several_buffers_are_filled_in_their_order() {
    in_each(|dir| {
        let contents = bytes(300_000);
        let mut file = File::open(dir.file("file", &contents)).unwrap();
        let mut read = Vec::new();
        loop {
            let (mut a, mut b, mut c) = (vec![0; 3], vec![], vec![0; 70_000]);
            let mut buffers =
                [IoSliceMut::new(&mut b), IoSliceMut::new(&mut a), IoSliceMut::new(&mut c)];
            let count = file.read_vectored(&mut buffers).unwrap();
            let all = [a, c].concat();
            read.extend_from_slice(&all[..count]);
            if count == 0 {
                break;
            }
        }
        assert!(read == contents);
        let (mut first, mut second) = (vec![0; 200_000], vec![0; 200_000]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(file.read_vectored(&mut buffers).unwrap(), 0);
    });
}

#[test]
fn growing_files_are_read_on() {
    in_each(|dir| {
        let path = dir.file("file", "one");
        let (mut file, mut read) = (File::open(&path).unwrap(), String::new());
        file.read_to_string(&mut read).unwrap();
        let mut writer = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut writer, b" two").unwrap();
        file.read_to_string(&mut read).unwrap();
        assert_eq!(read, "one two");
    });
}

#[test]
fn files_without_a_size_are_read() {
    super::run(|| {
        let name = fs::read_to_string("/proc/sys/kernel/ostype").unwrap();
        assert_eq!(name, "Linux\n");
        let mut text = String::new();
        File::open("/proc/self/status").unwrap().read_to_string(&mut text).unwrap();
        assert!(text.contains(&format!("Pid:\t{}\n", std::process::id())));
    });
}
