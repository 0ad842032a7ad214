//! The system calls that the benches need and std does not offer, each behind a safe function.

// The benches drive the kernel directly: affinity, epoll and CPU clocks have no safe wrapper in
// std.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The CPUs that this process may run on.
pub fn allowed_cpus() -> Vec<usize> {
    // SAFETY: an all-zero cpu_set_t is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` outlives the call and its size is passed along.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) };
    assert_eq!(result, 0, "sched_getaffinity: {}", io::Error::last_os_error());
    // SAFETY: every index is below CPU_SETSIZE, the size of the set in bits.
    (0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect()
}

/// Binds the calling thread, and threads that it starts from now on, to `cpus`.
pub fn pin_to(cpus: &[usize]) {
    // SAFETY: an all-zero cpu_set_t is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for &cpu in cpus {
        // SAFETY: the numbers come from `allowed_cpus`, so they are below CPU_SETSIZE.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    // SAFETY: `set` outlives the call and its size is passed along.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) };
    assert_eq!(result, 0, "sched_setaffinity: {}", io::Error::last_os_error());
}

/// Has the kernel kill this process when the thread that started it ends.
pub fn die_with_parent() {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    assert_eq!(result, 0, "prctl: {}", io::Error::last_os_error());
}

/// Has the kernel kill this process after `seconds`, by SIGALRM's default action.
pub fn alarm(seconds: u32) {
    // SAFETY: alarm touches no memory.
    unsafe { libc::alarm(seconds) };
}

/// Sends a signal to a process that this one has started, directly or through `strace`.
pub fn signal(pid: i32, signal: i32) {
    // SAFETY: kill touches no memory of this process.
    unsafe { libc::kill(pid, signal) };
}

/// Raises the soft limit of open files to the hard one.
pub fn raise_file_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` outlives both calls.
    let result = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit)
    };
    assert_eq!(result, 0, "setrlimit: {}", io::Error::last_os_error());
}

/// CPU time of another process in nanoseconds: all its threads, living and ended.
pub fn cpu_nanos_of(pid: i32) -> u64 {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` outlives the call.
    let result = unsafe { libc::clock_getcpuclockid(pid, &mut clock) };
    assert_eq!(result, 0, "process {pid} has a CPU clock while it is not reaped");
    clock_nanos(clock)
}

/// CPU time of this process in nanoseconds.
pub fn cpu_nanos() -> u64 {
    clock_nanos(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// Bytes of a page.
pub fn page_bytes() -> u64 {
    // SAFETY: sysconf touches no memory.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as u64 }
}

/// Receives without ever blocking; `fd` is a socket that the caller keeps open.
pub fn receive(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes to `buffer`, which is borrowed.
    let count =
        unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
}

/// Sends without ever blocking; `fd` is a socket that the caller keeps open.
pub fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the kernel reads at most `bytes.len()` bytes of `bytes`, which is borrowed.
    let count = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
}

/// Closes a descriptor that its owner gave up with `into_raw_fd`.
pub fn close(fd: RawFd) {
    // SAFETY: the caller holds the only copy of the number.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
}

/// Makes the close of a connection drop it at once: no TIME_WAIT, so no port is used up.
pub fn reset_on_close(socket: &impl AsRawFd) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the option's value is borrowed for the call and its size is passed along.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of_val(&linger) as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "setsockopt: {}", io::Error::last_os_error());
}

/// An epoll instance; events carry a number of the caller's choice.
#[derive(Debug)]
pub struct Epoll {
    fd: OwnedFd,
}

/// Edge-triggered reading.
pub const EDGE_READ: u32 = (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLET) as u32;
/// Edge-triggered reading and writing.
pub const EDGE_BOTH: u32 = EDGE_READ | libc::EPOLLOUT as u32;

impl Epoll {
    /// Opens an instance.
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: epoll_create1 touches no memory.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just handed out this descriptor to us alone.
        Ok(Epoll { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Watches `fd`; its events carry `number`.
    pub fn add(&self, fd: RawFd, number: u64, interest: u32) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest, u64: number };
        // SAFETY: `event` outlives the call.
        let result =
            unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Watches `fd` no longer.
    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: the kernel reads no event when it removes one.
        let result = unsafe {
            libc::epoll_ctl(self.fd.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, std::ptr::null_mut())
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Waits for events, at most `timeout_millis` (-1: for ever); interruptions count as none.
    pub fn wait<'a>(
        &self,
        events: &'a mut [libc::epoll_event],
        timeout_millis: i32,
    ) -> io::Result<&'a [libc::epoll_event]> {
        // SAFETY: the kernel writes at most `events.len()` entries to `events`, which is borrowed.
        let count = unsafe {
            libc::epoll_wait(
                self.fd.as_raw_fd(),
                events.as_mut_ptr(),
                events.len() as i32,
                timeout_millis,
            )
        };
        if count >= 0 {
            return Ok(&events[..count as usize]);
        }
        let error = io::Error::last_os_error();
        if error.kind() == io::ErrorKind::Interrupted { Ok(&[]) } else { Err(error) }
    }
}

fn clock_nanos(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call.
    let result = unsafe { libc::clock_gettime(clock, &mut time) };
    assert_eq!(result, 0, "clock_gettime: {}", io::Error::last_os_error());
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// `read` or `write` of a byte, by one of the functions of that name.
#[derive(Debug, Clone, Copy)]
pub struct ByteTransfer(unsafe extern "C" fn(RawFd, *mut u8, usize) -> isize);

impl ByteTransfer {
    /// The function that calls of this program come to, and the C library's own behind it.
    ///
    /// # Panics
    /// If they are the same, so that nothing is hooked.
    pub fn both(name: &std::ffi::CStr) -> [ByteTransfer; 2] {
        assert!(matches!(name.to_bytes(), b"read" | b"write"));
        let addresses = [libc::RTLD_DEFAULT, libc::RTLD_NEXT].map(|from| {
            // SAFETY: a name that ends.
            let address = unsafe { libc::dlsym(from, name.as_ptr()) };
            assert!(!address.is_null(), "the C library has {name:?}");
            address
        });
        assert_ne!(addresses[0], addresses[1], "{name:?} is not hooked");
        addresses.map(|address| {
            type Function = unsafe extern "C" fn(RawFd, *mut u8, usize) -> isize;
            // SAFETY: the two functions differ from this type by the constness of a pointer alone.
            ByteTransfer(unsafe { std::mem::transmute::<*mut libc::c_void, Function>(address) })
        })
    }

    /// Makes the call.
    #[inline]
    pub fn call(self, fd: RawFd) -> isize {
        let mut byte = 0;
        // SAFETY: one byte that is alive.
        unsafe { (self.0)(fd, &raw mut byte, 1) }
    }
}
