//! may 0.3, in its best configuration for these benches.

// may's own spawn is an unsafe function: its coroutines change OS threads at every wait.
#![allow(unsafe_code)]

use std::io::{self, Read, Write};
use std::time::Duration;

use may::coroutine;
use may::net::{TcpListener, TcpStream};

use super::green::{Green, NO_PANIC};

/// More coroutines than this at once die: each has a mapping and a guard, and the kernel allows
/// 65,530 mappings (`vm.max_map_count`).
pub const MOST_COROUTINES: usize = 30_000;

/// may's coroutines.
#[derive(Debug)]
pub struct May;

impl Green for May {
    type Handle<T: Send + 'static> = coroutine::JoinHandle<T>;
    type Thread = coroutine::Coroutine;

    fn run<T: Send + 'static>(workers: usize, body: impl FnOnce() -> T + Send + 'static) -> T {
        configure(workers);
        Self::join(Self::spawn(body))
    }

    fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        // SAFETY: may asks that a body neither uses thread-locals across a wait nor overflows its
        // stack; the bodies of the benches keep nothing in thread-locals and call a few frames
        // deep.
        unsafe { coroutine::spawn(body) }
    }

    fn join<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.join().expect(NO_PANIC)
    }

    fn thread<T: Send + 'static>(handle: &Self::Handle<T>) -> &Self::Thread {
        handle.coroutine()
    }

    fn current() -> Self::Thread {
        coroutine::current()
    }

    fn park() {
        coroutine::park();
    }

    fn unpark(thread: &Self::Thread) {
        thread.unpark();
    }

    fn yield_now() {
        coroutine::yield_now();
    }

    fn sleep(time: Duration) {
        coroutine::sleep(time);
    }
}

/// Sets the number of workers; only the first call of a process counts. Workers are not pinned to
/// cores: nobody's are, unless the bench pins the process.
pub fn configure(workers: usize) {
    may::config().set_workers(workers).set_worker_pin(false);
}

/// Has may keep as many stacks as it can have, where a row starts and ends that many at a time.
pub fn keep_all_stacks() {
    may::config().set_pool_capacity(MOST_COROUTINES);
}

/// Serves echo for ever.
pub fn serve_echo(
    workers: usize,
    buffer_bytes: usize,
    announce: impl FnOnce(u16) + Send + 'static,
) -> io::Result<()> {
    May::run(workers, move || {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        announce(listener.local_addr()?.port());
        for stream in listener.incoming() {
            let stream = stream?;
            May::spawn(move || echo(stream, buffer_bytes));
        }
        Ok(())
    })
}

/// Ends with the connection: a reset is the client's way to leave.
fn echo(mut stream: TcpStream, buffer_bytes: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}
