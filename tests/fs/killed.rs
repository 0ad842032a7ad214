//! What a caller leaves behind that is ended while a disk is busy with its call.

use crate::directory::Directory;
use crate::fixture::{SOON, eventually, let_wait};
use greenstd::fs::{self, File, OpenOptions};
use greenstd::os::unix::fs::FileExt;
use greenstd::time;
use std::collections::BTreeSet;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

laws! {
    fn a_directory_is_read_on_after_an_expired_scope() {
        let dir = Directory::new();
        (0..500).for_each(|number| drop(dir.file(&number.to_string(), "")));
        let mut entries = fs::read_dir(&*dir).unwrap();
        let (mut names, mut expired) = (BTreeSet::new(), 0);
        loop {
            // Long over when the directory has to be read; not felt while entries lie ready.
            match time::timeout(Duration::ZERO, || entries.next()) {
                Ok(Some(entry)) => assert!(names.insert(entry.unwrap().file_name())),
                Ok(None) => break,
                Err(_) => {
                    expired += 1;
                    if let Some(entry) = entries.next() {
                        assert!(names.insert(entry.unwrap().file_name()));
                    }
                }
            }
        }
        assert_eq!(names.len(), 500);
        assert!(expired > 0);
    }

    fn nothing_begins_for_a_caller_whose_scope_has_expired() {
        let dir = Directory::new();
        let path = dir.file("file", "contents");
        let outcome = time::timeout(Duration::ZERO, || fs::remove_file(&path));
        assert!(outcome.is_err());
        let outcome = time::timeout(Duration::ZERO, || fs::write(dir.join("new"), "x"));
        assert!(outcome.is_err());
        assert!(fs::exists(&path).unwrap() && !fs::exists(dir.join("new")).unwrap());
    }

    fn a_file_outlives_the_calls_that_were_abandoned() {
        let dir = Directory::new();
        let path = dir.file("file", vec![3; 1 << 20]);
        for round in 0..30 {
            let mut file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
            let outcome = time::timeout(Duration::from_micros(round * 10), || {
                loop {
                    file.write_all(&[3; 70_000]).unwrap();
                    file.sync_data().unwrap();
                    file.rewind().unwrap();
                }
            });
            assert!(outcome.is_err());
            // Whatever the position: the file is what it was, and can be had as a descriptor.
            file.seek(SeekFrom::Start(0)).unwrap();
            let file = File::from(OwnedFd::from(file));
            let mut read = vec![0; 1 << 20];
            file.read_exact_at(&mut read, 0).unwrap();
            assert!(read.iter().all(|&byte| byte == 3));
        }
    }
}

laws! {
    green
    fn a_killed_writer_flushes_its_buffer_as_it_unwinds() {
        let dir = Directory::new();
        let path = dir.join("file");
        let writer = {
            let path = path.clone();
            thread::spawn(move || {
                let mut writer = BufWriter::new(File::create(path).unwrap());
                writer.write_all(b"buffered").unwrap();
                thread::park();
                unreachable!("it is killed");
            })
        };
        eventually("it has begun", || path.exists());
        let_wait();
        assert!(writer.kill_and_wait(SOON).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"buffered");
    }
}
