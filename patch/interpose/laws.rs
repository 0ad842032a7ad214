//! The hooks of this crate on green threads that share their worker's thread-locals, which is
//! enough for calls that keep nothing there. What matters is tested from outside: `tests/patch`.

mod await_signal;
mod child;
mod cond;
mod coverage;
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

use greenstd_runtime::runtime::{Builder, Runtime};
use greenstd_runtime::thread::{self, JoinHandle, Killed};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// A runtime with one worker, all of whose green threads are hooked.
fn hooked() -> Runtime {
    // SAFETY: the tests hold no borrow of a thread-local across what blocks, nor print.
    unsafe { crate::install_for_all() }.expect("it cannot fail as yet");
    Builder::new().workers(1).build().expect("there are threads to be had")
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
