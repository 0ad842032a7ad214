//! Pipes, events, files and what moves bytes between them.

use super::{hooked, pause};
use crate::raw;
use greenstd_runtime::thread;
use std::fs::File;
use std::io::{self, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// A file of a test's own, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let name = format!("greenstd-hooks-{name}-{}", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }

    fn file(&self) -> File {
        File::options().read(true).write(true).create(true).truncate(true).open(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is absent if the test failed early.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 + index / 253) as u8).collect()
}

#[test]
fn pipes_of_std_park_both_ends_and_carry_every_byte() {
    hooked().run(|| {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let sent = bytes(1 << 20);
        let expected = sent.clone();
        let writing = thread::spawn(move || {
            // SAFETY: the bytes outlive the call.
            let count =
                unsafe { libc::write(writer.as_raw_fd(), sent.as_ptr().cast(), sent.len()) };
            assert_eq!(count, sent.len() as isize, "a pipe's write is a whole one");
            let (first, last) = sent.split_at(100_001);
            let slices = [io::IoSlice::new(first), io::IoSlice::new(last)];
            assert_eq!(writer.write_vectored(&slices).unwrap(), sent.len());
        });
        for _ in 0..2 {
            let mut received = vec![0; expected.len()];
            reader.read_exact(&mut received).unwrap();
            assert!(received == expected);
        }
        writing.join().unwrap();
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn named_pipes_park_although_they_refuse_to_be_asked_without_waiting() {
    hooked().run(|| {
        let path = Scratch::new("fifo");
        let name = std::ffi::CString::new(path.0.to_str().unwrap()).unwrap();
        // SAFETY: a name that ends.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let mut both = File::options().read(true).write(true).open(&path.0).unwrap();
        let mut writer = File::options().write(true).open(&path.0).unwrap();
        let reader = thread::spawn(move || {
            let mut buffer = vec![0; 300_000];
            both.read_exact(&mut buffer).unwrap();
            buffer
        });
        pause();
        let sent = bytes(300_000);
        writer.write_all(&sent).unwrap();
        assert!(reader.join().unwrap() == sent);
        // SAFETY: it touches no memory.
        let flags = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_GETFL) };
        assert_eq!(flags & libc::O_NONBLOCK, 0);
    });
}

#[test]
fn eventfds_and_timerfds_park_until_they_count() {
    hooked().run(|| {
        // SAFETY: new descriptors, that nobody else owns.
        let (event, timer) = unsafe {
            (
                OwnedFd::from_raw_fd(libc::eventfd(0, libc::EFD_CLOEXEC)),
                OwnedFd::from_raw_fd(libc::timerfd_create(libc::CLOCK_MONOTONIC, 0)),
            )
        };
        let count = |fd: &OwnedFd| {
            let mut count = 0_u64;
            // SAFETY: there is room for eight bytes.
            let read = unsafe { libc::read(fd.as_raw_fd(), (&raw mut count).cast(), 8) };
            assert_eq!(read, 8);
            count
        };
        let copy = event.try_clone().unwrap();
        let waiter = thread::spawn(move || count(&copy));
        pause();
        let three = 3_u64;
        // SAFETY: eight bytes.
        let written = unsafe { libc::write(event.as_raw_fd(), (&raw const three).cast(), 8) };
        assert_eq!(written, 8);
        assert_eq!(waiter.join().unwrap(), 3);
        let mut time: libc::itimerspec = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: libc::timespec { tv_sec: 0, tv_nsec: 30_000_000 },
        };
        // SAFETY: a time that outlives the call, and none for the old one.
        let set = unsafe {
            libc::timerfd_settime(timer.as_raw_fd(), 0, &raw mut time, std::ptr::null_mut())
        };
        assert_eq!(set, 0);
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let timer = timer.try_clone().unwrap();
                thread::spawn(move || count(&timer))
            })
            .collect();
        pause();
        // One takes the tick; the other waits for the next.
        // SAFETY: as above.
        unsafe { libc::timerfd_settime(timer.as_raw_fd(), 0, &raw mut time, std::ptr::null_mut()) };
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), 1);
        }
    });
}

#[test]
fn files_are_read_and_written_as_on_threads() {
    hooked().run(|| {
        let path = Scratch::new("file");
        let mut file = path.file();
        let content = bytes(300_000);
        file.write_all(&content).unwrap();
        file.write_all_at(b"marked", 1_000).unwrap();
        let (mut first, mut last) = ([0; 3], [0; 3]);
        file.seek(SeekFrom::Start(1_000)).unwrap();
        let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut last)];
        assert_eq!(file.read_vectored(&mut slices).unwrap(), 6);
        assert_eq!((&first, &last), (b"mar", b"ked"));
        let mut all = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), content.len());
        assert!(all[2_000..] == content[2_000..]);
        assert_eq!(file.read_at(&mut [0; 4], 1 << 30).unwrap(), 0);
        let pread = |offset| {
            let start = [0_u8; 4].as_mut_ptr().cast();
            // SAFETY: the kernel refuses the offset, and touches no memory.
            (unsafe { libc::pread(file.as_raw_fd(), start, 4, offset) }, raw::errno())
        };
        assert_eq!(pread(-1), (-1, libc::EINVAL));
        let null = File::open("/dev/zero").unwrap();
        assert_eq!((&null).read(&mut [1; 100]).unwrap(), 100);
    });
}

#[test]
fn copies_of_std_between_files_sockets_and_pipes_are_whole() {
    hooked().run(|| {
        let path = Scratch::new("copy");
        let mut file = path.file();
        let content = bytes(3 << 20);
        file.write_all(&content).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let sending = thread::spawn(move || io::copy(&mut file, &mut ours).unwrap());
        let other = Scratch::new("copied");
        let mut copied = other.file();
        // From a socket into a file, and from a file into a pipe.
        assert_eq!(io::copy(&mut &theirs, &mut copied).unwrap(), content.len() as u64);
        assert_eq!(sending.join().unwrap(), content.len() as u64);
        copied.seek(SeekFrom::Start(0)).unwrap();
        let (mut reader, mut writer) = io::pipe().unwrap();
        let sending = thread::spawn(move || io::copy(&mut copied, &mut writer).unwrap());
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        assert!(received == content);
        assert_eq!(sending.join().unwrap(), content.len() as u64);
    });
}

#[test]
fn splice_waits_for_whichever_end_is_not_ready() {
    hooked().run(|| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let splicing = thread::spawn(move || {
            let (none, mut moved) = (std::ptr::null_mut(), 0);
            loop {
                let (from, to) = (ours.as_raw_fd(), writer.as_raw_fd());
                // SAFETY: both are open, and there are no offsets.
                let count = unsafe { libc::splice(from, none, to, none, 1 << 20, 0) };
                match count {
                    0 => return moved,
                    count => moved += usize::try_from(count).expect("it does not fail"),
                }
            }
        });
        pause();
        let content = bytes(500_000);
        let sent = content.clone();
        let sending = thread::spawn(move || theirs.write_all(&sent).unwrap());
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        assert!(received == content);
        sending.join().unwrap();
        assert_eq!(splicing.join().unwrap(), content.len());
    });
}
