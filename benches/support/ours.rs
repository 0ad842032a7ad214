//! greenstd, through its public API only: all that the benches know of the system on trial.

use std::io;
use std::time::Duration;

use greenstd::net::server::{Acceptors, StreamServer};
pub use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::{Builder, Runtime};
use greenstd::thread;

use super::green::{Green, NO_PANIC};

/// greenstd's green threads.
#[derive(Debug)]
pub struct Ours;

impl Green for Ours {
    type Handle<T: Send + 'static> = thread::JoinHandle<T>;
    type Thread = thread::Thread;

    fn run<T: Send + 'static>(workers: usize, body: impl FnOnce() -> T + Send + 'static) -> T {
        runtime(workers).run(body)
    }

    fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        thread::spawn(body)
    }

    fn join<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.join().expect(NO_PANIC)
    }

    fn thread<T: Send + 'static>(handle: &Self::Handle<T>) -> &Self::Thread {
        handle.thread()
    }

    fn current() -> Self::Thread {
        thread::current()
    }

    fn park() {
        thread::park();
    }

    fn unpark(thread: &Self::Thread) {
        thread.unpark();
    }

    fn yield_now() {
        thread::yield_now();
    }

    fn sleep(time: Duration) {
        thread::sleep(time);
    }
}

/// A runtime with the default stack size, as a user gets it.
pub fn runtime(workers: usize) -> Runtime {
    Builder::new().workers(workers).build().expect("the machine has threads and memory left")
}

/// Serves echo for ever.
pub fn serve_echo(
    workers: usize,
    buffer_bytes: usize,
    announce: impl FnOnce(u16) + Send + 'static,
) -> io::Result<()> {
    Ours::run(workers, move || accept(buffer_bytes, announce))
}

/// Serves echo for ever, in the runtime of the calling green thread.
pub fn accept(buffer_bytes: usize, announce: impl FnOnce(u16)) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?.port());
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || echo(stream, buffer_bytes));
    }
    Ok(())
}

/// Serves echo for ever by a server, with the limits and timeouts that one has by default.
pub fn serve_echo_by_server(
    workers: usize,
    buffer_bytes: usize,
    acceptors: Acceptors,
    announce: impl FnOnce(u16) + Send + 'static,
) -> io::Result<()> {
    Ours::run(workers, move || {
        let server = StreamServer::builder().acceptors(acceptors);
        let server = server.start("127.0.0.1:0", move |connection| {
            connection.set_nodelay(true)?;
            pump(connection, buffer_bytes)
        })?;
        announce(server.local_addr().port());
        server.serve_forever()
    })
}

/// Ends with the connection: a reset is the client's way to leave.
fn echo(stream: TcpStream, buffer_bytes: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    pump(stream, buffer_bytes)
}

fn pump(mut stream: impl io::Read + io::Write, buffer_bytes: usize) -> io::Result<()> {
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}
