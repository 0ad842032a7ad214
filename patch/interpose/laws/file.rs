//! Files of unmodified code: opens that wait, flushes, locks.

use super::{WHILE, hooked, kill_in_hook, side_by_side};
use crate::file_lock;
use crate::raw;
use greenstd_runtime::thread;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenstd-interpose-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn fifo(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        let string = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: a string.
        assert_eq!(unsafe { libc::mkfifo(string.as_ptr(), 0o600) }, 0);
        path
    }

    fn file(&self) -> File {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(self.0.join("file")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn flock(file: &File, operation: i32) -> i32 {
    // SAFETY: no pointers.
    unsafe { libc::flock(file.as_raw_fd(), operation) }
}

#[test]
fn readers_and_writers_of_fifos_wait_for_each_other_on_one_worker() {
    hooked().run(|| {
        let folder = Folder::new();
        let handles: Vec<_> = (0..30)
            .map(|number| {
                let path = folder.fifo(&number.to_string());
                let reads = path.clone();
                let reader = thread::spawn(move || {
                    let mut fifo = File::open(reads).unwrap();
                    let (fd, events) = (fifo.as_raw_fd(), libc::POLLIN);
                    let mut question = libc::pollfd { fd, events, revents: 0 };
                    // SAFETY: one question of ours.
                    assert_eq!(unsafe { libc::poll(&raw mut question, 1, -1) }, 1);
                    let mut text = [0; 4];
                    fifo.read_exact(&mut text).unwrap();
                    text
                });
                let writer = thread::spawn(move || {
                    let mut fifo = OpenOptions::new().write(true).open(path).unwrap();
                    fifo.write_all(b"text").unwrap();
                });
                (reader, writer)
            })
            .collect();
        for (reader, writer) in handles {
            writer.join().unwrap();
            assert_eq!(&reader.join().unwrap(), b"text");
        }
    });
}

#[test]
fn a_killed_open_of_a_fifo_is_an_error_and_leaves_no_descriptor() {
    hooked().run(|| {
        let folder = Folder::new();
        let path = folder.fifo("fifo");
        let opened = path.clone();
        kill_in_hook(thread::spawn(move || {
            let error = File::open(opened).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
            thread::park();
        }));
        // The thread of the pool gets its writer, and closes what nobody wants.
        let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while writer.write(b"x").is_ok() {
            assert!(Instant::now() < deadline, "somebody holds the other end");
            thread::sleep(Duration::from_millis(5));
        }
    });
}

#[test]
fn opens_that_do_not_wait_are_the_kernels() {
    hooked().run(|| {
        let folder = Folder::new();
        let path = folder.fifo("fifo");
        let both = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let text = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: a string, and one that is none.
        unsafe {
            let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC;
            let fd = libc::open(text.as_ptr(), flags);
            assert_eq!(libc::fcntl(fd, libc::F_GETFL) & libc::O_NONBLOCK, libc::O_NONBLOCK);
            libc::close(fd);
            let nowhere = std::ptr::without_provenance(8);
            let outcome = libc::open(nowhere, libc::O_RDONLY);
            assert_eq!((outcome, raw::errno()), (-1, libc::EFAULT));
        }
        drop(both);
        let created = folder.0.join("created");
        fs::write(&created, "text").unwrap();
        assert_eq!(fs::read_to_string(&created).unwrap(), "text");
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&created).unwrap());
        assert_eq!(mode & 0o111, 0);
        assert_eq!(
            File::open(folder.0.join("none")).unwrap_err().raw_os_error(),
            Some(libc::ENOENT)
        );
    });
}

#[test]
fn flushes_are_made_and_their_errors_told() {
    hooked().run(|| {
        let folder = Folder::new();
        let file = Arc::new(folder.file());
        side_by_side(move |_| {
            file.sync_all().unwrap();
            file.sync_data().unwrap();
            // SAFETY: no pointers.
            unsafe {
                assert_eq!(libc::syncfs(file.as_raw_fd()), 0);
                assert_eq!(libc::sync_file_range(file.as_raw_fd(), 0, 0, 7), 0);
                assert_eq!((libc::fsync(-1), raw::errno()), (-1, libc::EBADF));
            }
        });
    });
}

#[test]
fn a_memory_map_is_flushed() {
    hooked().run(|| {
        let folder = Folder::new();
        let file = folder.file();
        file.set_len(4096).unwrap();
        let (length, protection) = (4096, libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: a map of ours, gone before the file.
        unsafe {
            let null = std::ptr::null_mut();
            let fd = file.as_raw_fd();
            let map = libc::mmap(null, length, protection, libc::MAP_SHARED, fd, 0);
            map.cast::<u8>().write(7);
            assert_eq!(libc::msync(map, length, libc::MS_SYNC), 0);
            assert_eq!(libc::msync(map, length, libc::MS_ASYNC), 0);
            libc::munmap(map, length);
            assert_eq!(libc::msync(map, length, libc::MS_SYNC), -1);
            assert_eq!(raw::errno(), libc::ENOMEM);
        }
    });
}

#[test]
fn a_lock_that_is_held_is_waited_for_beside_its_holder() {
    hooked().run(|| {
        let folder = Folder::new();
        let (first, second) = (folder.file(), folder.file());
        assert_eq!(flock(&first, libc::LOCK_EX), 0);
        assert_eq!(flock(&second, libc::LOCK_EX | libc::LOCK_NB), -1);
        assert_eq!(raw::errno(), libc::EWOULDBLOCK);
        let holder = thread::spawn(move || {
            thread::sleep(WHILE);
            assert_eq!(flock(&first, libc::LOCK_UN), 0);
            first
        });
        let start = Instant::now();
        // As std does it.
        second.lock().unwrap();
        assert!(start.elapsed() >= WHILE / 2);
        let first = holder.join().unwrap();
        assert!(first.try_lock().is_err());
    });
}

#[test]
fn a_kill_does_not_lose_a_lock_that_is_waited_for() {
    hooked().run(|| {
        let folder = Folder::new();
        let (first, second) = (folder.file(), folder.file());
        assert_eq!(flock(&first, libc::LOCK_EX), 0);
        let waiter = thread::spawn(move || {
            assert_eq!(flock(&second, libc::LOCK_EX), 0);
            thread::park();
        });
        thread::sleep(WHILE);
        waiter.thread().kill().unwrap();
        thread::sleep(WHILE);
        assert!(!waiter.is_finished());
        assert_eq!(flock(&first, libc::LOCK_UN), 0);
        // It got the lock, met the kill at its own wait, and closed the file.
        assert!(waiter.join().unwrap_err().is::<thread::Killed>());
        assert_eq!(flock(&first, libc::LOCK_EX | libc::LOCK_NB), 0);
    });
}

fn whole(kind: i32) -> libc::flock64 {
    libc::flock64 {
        l_type: kind as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

fn wait_for_lock(fd: RawFd, kind: i32) {
    let mut lock = whole(kind);
    // SAFETY: a lock of ours.
    unsafe { file_lock::lock_wait(fd, libc::F_OFD_SETLKW, &raw mut lock) }.unwrap();
}

#[test]
fn a_lock_of_an_open_file_is_waited_for_and_those_of_the_process_keep_nobody_out() {
    hooked().run(|| {
        let folder = Folder::new();
        let (first, second) = (folder.file(), folder.file());
        wait_for_lock(first.as_raw_fd(), libc::F_WRLCK);
        let holder = thread::spawn(move || {
            thread::sleep(WHILE);
            wait_for_lock(first.as_raw_fd(), libc::F_UNLCK);
            first
        });
        let start = Instant::now();
        wait_for_lock(second.as_raw_fd(), libc::F_WRLCK);
        assert!(start.elapsed() >= WHILE / 2);
        wait_for_lock(second.as_raw_fd(), libc::F_UNLCK);
        let first = holder.join().unwrap();
        for file in [&first, &second] {
            // SAFETY: no pointers.
            unsafe {
                assert_eq!(libc::lockf(file.as_raw_fd(), libc::F_LOCK, 0), 0);
                assert_eq!(libc::lockf(file.as_raw_fd(), libc::F_TEST, 0), 0);
            }
        }
        // SAFETY: no pointers.
        let outcome = unsafe { libc::lockf(first.as_raw_fd(), 77, 0) };
        assert_eq!((outcome, raw::errno()), (-1, libc::EINVAL));
    });
}

#[test]
fn a_lock_of_another_process_is_waited_for() {
    hooked().run(|| {
        let folder = Folder::new();
        let file = folder.file();
        let fd = file.as_raw_fd();
        // SAFETY: the child makes calls that are async-signal-safe.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: as above.
            unsafe {
                libc::lockf(fd, libc::F_LOCK, 0);
                libc::usleep(300_000);
                libc::_exit(0);
            }
        }
        // SAFETY: no pointers.
        unsafe {
            while libc::lockf(fd, libc::F_TEST, 0) == 0 {
                libc::usleep(1000);
            }
            assert_eq!(raw::errno(), libc::EACCES);
            assert_eq!(libc::lockf(fd, libc::F_TLOCK, 0), -1);
            assert_eq!(raw::errno(), libc::EAGAIN);
            assert_eq!(libc::lockf(fd, libc::F_LOCK, 0), 0);
            assert_eq!(libc::waitpid(child, std::ptr::null_mut(), 0), child);
        }
    });
}

#[test]
fn outside_of_green_threads_files_are_the_kernels() {
    let folder = Folder::new();
    let (first, second) = (folder.file(), folder.file());
    first.sync_all().unwrap();
    first.lock().unwrap();
    assert!(second.try_lock().is_err());
    let path = folder.fifo("fifo");
    let writes = path.clone();
    let writer = std::thread::spawn(move || fs::write(writes, "text").unwrap());
    assert_eq!(fs::read_to_string(path).unwrap(), "text");
    writer.join().unwrap();
}
