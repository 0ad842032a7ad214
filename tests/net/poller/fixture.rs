//! Descriptors of many kinds, and what the C library's `poll` says of them.

use greenstd::poller::{Events, PollFd, PollFlags, Poller};
use std::fs::File;
use std::io::{PipeReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

pub const SOON: Duration = Duration::from_millis(10);
/// Longer than any test lasts.
pub const LONG: Duration = Duration::from_secs(3600);

/// A number beyond the limit of descriptors, so never open.
pub const NEVER_OPEN: RawFd = 1_000_000_000;

fn owned(fd: RawFd) -> OwnedFd {
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: just made, and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

pub fn eventfd(value: u32) -> File {
    // SAFETY: no memory is passed.
    owned(unsafe { libc::eventfd(value, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }).into()
}

/// A timer that expires once, after `time`.
pub fn timerfd(time: Duration) -> OwnedFd {
    // SAFETY: no memory is passed.
    let timer = owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) });
    let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let value = libc::timespec { tv_nsec: time.subsec_nanos().into(), ..zero };
    let spec = libc::itimerspec { it_interval: zero, it_value: value };
    // SAFETY: the time outlives the call; the old one is not asked for.
    let outcome = unsafe {
        libc::timerfd_settime(timer.as_raw_fd(), 0, &raw const spec, std::ptr::null_mut())
    };
    assert_eq!(outcome, 0);
    timer
}

/// Both sides of a terminal in raw mode: the one that drives it, the one that programs see.
pub fn terminal() -> (File, File) {
    // SAFETY: no memory is passed; the result is checked.
    let driver = owned(unsafe { libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY) });
    let mut name = [0 as libc::c_char; 64];
    // SAFETY: a descriptor of ours, and room for a name, which is ended by a zero.
    let opened = unsafe {
        assert_eq!(libc::grantpt(driver.as_raw_fd()), 0);
        assert_eq!(libc::unlockpt(driver.as_raw_fd()), 0);
        assert_eq!(libc::ptsname_r(driver.as_raw_fd(), name.as_mut_ptr(), name.len()), 0);
        libc::open(name.as_ptr(), libc::O_RDWR | libc::O_NOCTTY)
    };
    let program = owned(opened);
    // SAFETY: plain data, which the call fills in.
    unsafe {
        let mut mode = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(program.as_raw_fd(), &raw mut mode), 0);
        libc::cfmakeraw(&raw mut mode);
        assert_eq!(libc::tcsetattr(program.as_raw_fd(), libc::TCSANOW, &raw const mode), 0);
    }
    (driver.into(), program.into())
}

/// What is told now.
pub fn told(poller: &Poller) -> Vec<usize> {
    let mut events = Events::new();
    poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
    let mut keys: Vec<usize> = events.iter().map(|event| event.key).collect();
    keys.sort_unstable();
    keys
}

/// Reads a byte that is there.
pub fn byte(mut reader: &PipeReader) {
    reader.read_exact(&mut [0]).unwrap();
}

/// Both ends of a loopback connection.
pub fn tcp_pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Writes until the descriptor takes no more.
pub fn fill(fd: &impl AsFd) {
    nonblocking(fd);
    let mut file = File::from(fd.as_fd().try_clone_to_owned().unwrap());
    while file.write(&[0; 4096]).is_ok() {}
}

/// Reads until there is nothing more.
pub fn drain(fd: &impl AsFd) {
    nonblocking(fd);
    let mut file = File::from(fd.as_fd().try_clone_to_owned().unwrap());
    while file.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
}

fn nonblocking(fd: &impl AsFd) {
    // SAFETY: a flag of a borrowed descriptor.
    let outcome = unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    assert_eq!(outcome, 0);
}

/// A number that was open, and is not any more. Nothing else gets that number: each is a high one.
pub fn closed_number() -> RawFd {
    static NEXT: AtomicI32 = AtomicI32::new(700);
    let (reader, _writer) = std::io::pipe().unwrap();
    let least = NEXT.fetch_add(1, Ordering::Relaxed);
    // SAFETY: a copy of a descriptor of ours, at a number that this makes.
    let high = owned(unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) });
    assert_eq!(high.as_raw_fd(), least, "something else is that high");
    least
}

/// A borrow of a number that is not open.
pub fn borrowed(closed: RawFd) -> BorrowedFd<'static> {
    // SAFETY: not open, which is the point: nothing is done with it but asking.
    unsafe { BorrowedFd::borrow_raw(closed) }
}

/// What the C library's `poll` says, without waiting: how many, and of each.
pub fn libc_poll(fds: &[PollFd]) -> (usize, Vec<PollFlags>) {
    let mut list: Vec<_> = fds
        .iter()
        .map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: fd.events().bits(), revents: 0 })
        .collect();
    // SAFETY: a list of ours, with its length.
    let count = unsafe { libc::poll(list.as_mut_ptr(), list.len() as libc::nfds_t, 0) };
    let told = list.iter().map(|fd| PollFlags::from_bits_retain(fd.revents)).collect();
    (usize::try_from(count).unwrap(), told)
}

/// Keeps this process from opening further descriptors, until it is dropped.
pub struct NoDescriptors {
    before: libc::rlimit,
}

impl NoDescriptors {
    pub fn impose() -> NoDescriptors {
        let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: room for a limit.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut before) }, 0);
        set_limit(libc::rlimit { rlim_cur: first_free() as libc::rlim_t, ..before });
        NoDescriptors { before }
    }
}

impl Drop for NoDescriptors {
    fn drop(&mut self) {
        set_limit(self.before);
    }
}

/// Below it all numbers are taken, so a limit there leaves none, but lets `poll(2)` take a list.
fn first_free() -> RawFd {
    let free = std::fs::File::open("/dev/null").unwrap();
    free.as_raw_fd()
}

/// Lets this process open at least so many descriptors, if the system allows that.
pub fn allow_descriptors(count: u64) -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for a limit.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    if limit.rlim_cur < count && limit.rlim_max >= count {
        set_limit(libc::rlimit { rlim_cur: count, ..limit });
    }
    limit.rlim_max >= count
}

fn set_limit(limit: libc::rlimit) {
    // SAFETY: a limit of this process, which runs this one test.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

/// The CPU time that the calling process has used.
pub fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for a time.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
