//! Several handles to one open file, several threads on one handle.

use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;

use super::fixture::{bytes, in_each};
use super::fs::{File, OpenOptions};
use super::thread;
use super::unix::FileExt;

#[test]
fn clones_share_the_position() {
    in_each(|dir| {
        let path = dir.file("file", "0123456789");
        let mut file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut clone = file.try_clone().unwrap();
        assert_ne!(file.as_raw_fd(), clone.as_raw_fd());
        let mut two = [0; 2];
        file.read_exact(&mut two).unwrap();
        clone.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"23");
        clone.seek(SeekFrom::Start(8)).unwrap();
        file.write_all(b"ab").unwrap();
        assert_eq!(clone.stream_position().unwrap(), 10);
        drop(file);
        clone.rewind().unwrap();
        clone.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"01");
    });
}

#[test]
fn references_read_and_write() {
    in_each(|dir| {
        let path = dir.file("file", "");
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        (&file).write_all(b"shared").unwrap();
        (&file).rewind().unwrap();
        let mut text = String::new();
        (&file).read_to_string(&mut text).unwrap();
        assert_eq!(text, "shared");
    });
}

#[test]
fn threads_read_one_file_at_their_offsets() {
    in_each(|dir| {
        let contents = Arc::new(bytes(64 * 4096));
        let file = Arc::new(File::open(dir.file("file", &*contents)).unwrap());
        let readers: Vec<_> = (0..64)
            .map(|page| {
                let (file, contents) = (file.clone(), contents.clone());
                thread::spawn(move || {
                    let mut read = [0; 4096];
                    file.read_exact_at(&mut read, page * 4096).unwrap();
                    assert!(read[..] == contents[page as usize * 4096..][..4096]);
                })
            })
            .collect();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn threads_that_share_a_position_get_each_byte_once() {
    in_each(|dir| {
        let contents = bytes(200_000);
        let file = Arc::new(File::open(dir.file("file", &contents)).unwrap());
        let readers: Vec<_> = (0..8)
            .map(|_| {
                let file = file.clone();
                thread::spawn(move || {
                    let (mut sum, mut buffer) = ((0_u64, 0_u64), [0; 1000]);
                    loop {
                        match (&*file).read(&mut buffer).unwrap() {
                            0 => return sum,
                            count => {
                                sum.0 += count as u64;
                                sum.1 += buffer[..count].iter().map(|&b| u64::from(b)).sum::<u64>();
                            }
                        }
                    }
                })
            })
            .collect();
        let sums = readers.into_iter().map(|reader| reader.join().unwrap());
        let (count, sum) = sums.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        assert_eq!(count, 200_000);
        assert_eq!(sum, contents.iter().map(|&byte| u64::from(byte)).sum());
    });
}

#[test]
fn threads_that_append_lose_no_line() {
    in_each(|dir| {
        let path = dir.join("log");
        let writers: Vec<_> = (0..8)
            .map(|number| {
                let path = path.clone();
                thread::spawn(move || {
                    let mut log = OpenOptions::new().append(true).create(true).open(path).unwrap();
                    for line in 0..50 {
                        log.write_all(format!("{number}-{line}\n").as_bytes()).unwrap();
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        for number in 0..8 {
            let prefix = format!("{number}-");
            let lines = text.lines().filter_map(|line| line.strip_prefix(&prefix));
            assert!(lines.eq((0..50).map(|line| line.to_string())), "each in its order");
        }
    });
}

#[test]
fn descriptors_go_in_and_out() {
    in_each(|dir| {
        let path = dir.file("file", "0123456789");
        let mut file = File::open(&path).unwrap();
        file.seek(SeekFrom::Start(4)).unwrap();
        let number = file.as_raw_fd();
        let raw = file.into_raw_fd();
        assert_eq!(raw, number);
        // SAFETY: it was just given up.
        let file = unsafe { File::from_raw_fd(raw) };
        let fd = OwnedFd::from(file);
        assert_eq!(fd.as_raw_fd(), number);
        let mut file = File::from(fd);
        let mut byte = [0];
        file.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"4");
    });
}

#[test]
fn locks_of_two_openings_exclude_each_other() {
    in_each(|dir| {
        use super::fs::TryLockError::WouldBlock;
        let path = dir.file("file", "");
        let [one, other] = [(); 2].map(|()| File::open(&path).unwrap());
        one.lock().unwrap();
        assert!(matches!(other.try_lock(), Err(WouldBlock)));
        assert!(matches!(other.try_lock_shared(), Err(WouldBlock)));
        one.try_clone().unwrap().unlock().unwrap();
        other.try_lock().unwrap();
        assert!(matches!(one.try_lock(), Err(WouldBlock)));
        other.unlock().unwrap();
        one.lock_shared().unwrap();
        other.try_lock_shared().unwrap();
        assert!(matches!(one.try_lock(), Err(WouldBlock)), "the other one shares it");
        drop(other);
        one.try_lock().unwrap();
        let waiter = {
            let other = File::open(&path).unwrap();
            thread::spawn(move || other.lock().unwrap())
        };
        thread::sleep(std::time::Duration::from_millis(20));
        assert!(!waiter.is_finished());
        drop(one);
        waiter.join().unwrap();
    });
}
