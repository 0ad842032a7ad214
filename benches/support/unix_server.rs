//! Echo servers on Unix sockets, each at an abstract name that follows from its process id.

use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::child::Job;
use super::contender::{Measurement, System};
use super::green::Green;
use super::{on_tokio, ours, server, sys};

/// Address space of a connection's OS thread, as in the bench of TCP.
const THREAD_STACK_BYTES: usize = 64 * 1024;

/// The name of the server of a process.
pub fn name(pid: u32) -> String {
    format!("greenstd-bench-{pid}")
}

/// Serves until killed; the child's side. Arguments: `workers`, `buffer_bytes`, `cpus`.
pub fn serve(job: &Job) -> Measurement {
    sys::raise_file_limit();
    if let Some(cpus) = server::cpus(job) {
        sys::pin_to(&cpus);
    }
    let (workers, buffer_bytes) = (job.number("workers"), job.number("buffer_bytes"));
    let address = SocketAddr::from_abstract_name(name(std::process::id()));
    let address = address.expect("the name is short");
    let result = match job.system() {
        System::Ours => serve_ours(workers, buffer_bytes, address),
        tokio @ (System::TokioCurrent | System::TokioMulti) => {
            serve_tokio(tokio, workers, buffer_bytes, address)
        }
        System::Threads => serve_threads(buffer_bytes, &address),
        other => panic!("{other:?} serves no Unix sockets here"),
    };
    panic!("the server ended: {result:?}")
}

/// Tells the parent that clients may come. There is no port.
fn announce() {
    server::announce(0);
}

fn serve_ours(workers: usize, buffer_bytes: usize, address: SocketAddr) -> io::Result<()> {
    use greenstd::os::unix::net::{UnixListener, UnixStream};
    fn echo(mut stream: UnixStream, buffer_bytes: usize) -> io::Result<()> {
        let mut buffer = vec![0; buffer_bytes];
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                count => stream.write_all(&buffer[..count])?,
            }
        }
    }
    ours::Ours::run(workers, move || {
        let listener = UnixListener::bind_addr(&address)?;
        announce();
        for stream in listener.incoming() {
            let stream = stream?;
            greenstd::thread::spawn(move || echo(stream, buffer_bytes));
        }
        Ok(())
    })
}

fn serve_tokio(
    system: System,
    workers: usize,
    buffer_bytes: usize,
    address: SocketAddr,
) -> io::Result<()> {
    use tokio::net::{UnixListener, UnixStream};
    async fn echo(mut stream: UnixStream, buffer_bytes: usize) -> io::Result<()> {
        let mut buffer = vec![0; buffer_bytes];
        loop {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                count => stream.write_all(&buffer[..count]).await?,
            }
        }
    }
    on_tokio::run(system, workers, async move {
        let listener = std::os::unix::net::UnixListener::bind_addr(&address)?;
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        announce();
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(echo(stream, buffer_bytes));
        }
    })
}

fn serve_threads(buffer_bytes: usize, address: &SocketAddr) -> io::Result<()> {
    use std::os::unix::net::{UnixListener, UnixStream};
    fn echo(mut stream: UnixStream, buffer_bytes: usize) -> io::Result<()> {
        let mut buffer = vec![0; buffer_bytes];
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                count => stream.write_all(&buffer[..count])?,
            }
        }
    }
    let listener = UnixListener::bind_addr(address)?;
    announce();
    for stream in listener.incoming() {
        let stream = stream?;
        let builder = thread::Builder::new().stack_size(THREAD_STACK_BYTES);
        builder.spawn(move || echo(stream, buffer_bytes))?;
    }
    Ok(())
}
