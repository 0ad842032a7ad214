//! The hooks of this crate on green threads with thread-locals of their own, as users have them.
//! What matters is tested from outside, too: `tests/patch`.

mod await_signal;
mod beside;
mod child;
mod cond;
mod coverage;
mod datagrams;
mod descriptors;
mod file;
mod futex;
mod locks;
mod lookup;
mod loops;
mod meetings;
mod multiplex;
mod mutex;
mod parties;
mod queue;
mod semaphore;
mod sleep;
mod sockets;
mod streams;
mod stress;
mod traffic;

use greenstd_runtime::runtime::{Builder, Runtime};
use greenstd_runtime::thread::{self, JoinHandle, Killed, ThreadLocals};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// A runtime with one worker, all of whose green threads are hooked.
fn hooked() -> Runtime {
    hooked_on(1)
}

/// A runtime all of whose green threads are hooked.
fn hooked_on(workers: usize) -> Runtime {
    crate::install().expect("this platform has thread-locals that can be switched");
    let builder = Builder::new().workers(workers).thread_locals(ThreadLocals::Own);
    builder.build().expect("there are threads to be had")
}

/// Lets the others run until they wait.
fn pause() {
    thread::sleep(WHILE);
}

/// So long a test waits until others wait.
const WHILE: Duration = Duration::from_millis(100);

/// Runs a hundred green threads at once, each with its number, and waits for all.
fn side_by_side(body: impl Fn(usize) + Clone + Send + 'static) {
    let handles: Vec<_> = (0..100)
        .map(|number| {
            let body = body.clone();
            thread::spawn(move || body(number))
        })
        .collect();
    for handle in handles {
        handle.join().unwrap();
    }
}

/// Kills a green thread that waits in a hook, which is told so; it parks afterwards.
fn kill_in_hook(waiter: JoinHandle<()>) {
    thread::sleep(WHILE);
    waiter.thread().kill().unwrap();
    assert!(waiter.join().unwrap_err().is::<Killed>());
}

/// The ends of a pipe, to read and to write.
fn pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = std::io::pipe().unwrap();
    (reader.into(), writer.into())
}

/// Writes a byte, which there is room for.
fn put(fd: &OwnedFd) {
    // SAFETY: one byte.
    assert_eq!(unsafe { libc::write(fd.as_raw_fd(), b"x".as_ptr().cast(), 1) }, 1);
}

fn number(fd: &OwnedFd) -> RawFd {
    fd.as_raw_fd()
}
