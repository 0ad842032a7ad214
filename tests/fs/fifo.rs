//! FIFOs: who waits for the other end or for bytes occupies no worker, and loses nothing when the
//! wait is ended.

use crate::directory::Directory;
use crate::fixture::{SOON, let_wait, was_killed};
use greenstd::fs::{File, OpenOptions};
use greenstd::os::unix::fs::OpenOptionsExt;
use greenstd::{thread, time};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::Duration;

/// More than a pipe holds.
const LARGE: usize = 1 << 20;

/// Both ends of a FIFO, opened apart.
pub fn ends(path: &Path) -> (File, File) {
    let reader = {
        let path = path.to_owned();
        thread::spawn(move || File::open(path).unwrap())
    };
    let writer = OpenOptions::new().write(true).open(path).unwrap();
    (reader.join().unwrap(), writer)
}

/// A file is closed when the last call that was abandoned is over, so that may take its time.
fn assert_breaks(mut writer: File) {
    let outcome = time::timeout(SOON, || {
        loop {
            if let Err(error) = writer.write(b"x") {
                break error.kind();
            }
            thread::sleep(Duration::from_millis(1));
        }
    });
    assert_eq!(outcome, Ok(ErrorKind::BrokenPipe));
}

laws! {
    green
    fn many_readers_park_beside_one_writer() {
        let dir = Directory::new();
        let readers: Vec<_> = (0..20)
            .map(|number| {
                let (mut reader, writer) = ends(&dir.fifo(&number.to_string()));
                let reader = thread::spawn(move || {
                    let mut text = String::new();
                    reader.read_to_string(&mut text).unwrap();
                    text
                });
                (reader, writer)
            })
            .collect();
        let_wait();
        for (reader, mut writer) in readers {
            writer.write_all(b"at last").unwrap();
            assert!(!reader.is_finished(), "there may come more");
            drop(writer);
            assert_eq!(reader.join().unwrap(), "at last");
        }
    }

    fn a_killed_reader_leaves_the_bytes_to_others() {
        let dir = Directory::new();
        let (reader, mut writer) = ends(&dir.fifo("fifo"));
        let mut clone = reader.try_clone().unwrap();
        let killed = thread::spawn(move || (&reader).read(&mut [0]).unwrap());
        let_wait();
        assert!(killed.kill_and_wait(SOON).unwrap());
        assert!(was_killed(killed));
        writer.write_all(b"x").unwrap();
        let mut byte = [0];
        clone.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
        drop(clone);
        assert_breaks(writer);
    }

    fn a_killed_writer_has_written_what_it_was_told_of() {
        let dir = Directory::new();
        let (mut reader, mut writer) = ends(&dir.fifo("fifo"));
        let (told, tells) = std::sync::mpsc::channel();
        let killed = thread::spawn(move || {
            loop {
                told.send(writer.write(&vec![7; LARGE]).unwrap()).unwrap();
            }
        });
        let_wait();
        assert!(killed.kill_and_wait(SOON).unwrap());
        drop(killed.join());
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(read.len(), tells.iter().sum::<usize>());
        assert!(!read.is_empty());
    }

    fn an_opening_that_was_killed_closes_what_it_opens() {
        let dir = Directory::new();
        let path = dir.fifo("fifo");
        let killed = {
            let path = path.clone();
            thread::spawn(move || drop(File::open(path)))
        };
        let_wait();
        assert!(killed.kill_and_wait(SOON).unwrap());
        assert!(was_killed(killed));
        // It may still wait for this one, and then goes. Killed in time, it never came so far.
        let mut options = OpenOptions::new();
        let writer = options.write(true).custom_flags(libc::O_NONBLOCK).open(&path);
        match writer {
            Ok(writer) => assert_breaks(writer),
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::ENXIO)),
        }
    }

    fn the_end_of_a_writer_wakes_the_reader() {
        let dir = Directory::new();
        let (mut reader, writer) = ends(&dir.fifo("fifo"));
        let reader = thread::spawn(move || reader.read(&mut [0]).unwrap());
        let_wait();
        drop(writer);
        assert_eq!(reader.join().unwrap(), 0);
    }

    fn a_writer_waits_for_room() {
        let dir = Directory::new();
        let (mut reader, mut writer) = ends(&dir.fifo("fifo"));
        let writer = thread::spawn(move || {
            writer.write_all(&vec![9; LARGE]).unwrap();
        });
        let_wait();
        assert!(!writer.is_finished());
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert!(read == vec![9; LARGE]);
        writer.join().unwrap();
    }
}

laws! {
    fn a_reader_whose_scope_expires_leaves_the_bytes() {
        let dir = Directory::new();
        let (mut reader, mut writer) = ends(&dir.fifo("fifo"));
        for round in 0..3 {
            let mut byte = [0];
            let outcome = time::timeout(Duration::from_millis(5), || reader.read(&mut byte));
            assert!(outcome.is_err(), "nobody has written");
            writer.write_all(&[round]).unwrap();
            reader.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [round]);
        }
    }
}
