//! tokio, in its best configuration for these benches.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use super::contender::System;

/// A runtime of the given flavour; `workers` counts for the multi_thread one.
pub fn runtime(system: System, workers: usize) -> Runtime {
    let mut builder = match system {
        System::TokioCurrent => Builder::new_current_thread(),
        System::TokioMulti => Builder::new_multi_thread(),
        other => panic!("{other:?} is no flavour of tokio"),
    };
    let runtime = builder.worker_threads(workers).enable_all().build();
    runtime.expect("the machine has threads and memory left")
}

/// Runs a future where the flavour runs tasks fastest: on a worker, not on the thread that waits.
pub fn run<T: Send + 'static>(
    system: System,
    workers: usize,
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    let runtime = runtime(system, workers);
    runtime.block_on(async { tokio::spawn(future).await.expect(super::green::NO_PANIC) })
}

/// Serves echo for ever.
pub fn serve_echo(
    system: System,
    workers: usize,
    buffer_bytes: usize,
    announce: impl FnOnce(u16) + Send + 'static,
) -> io::Result<()> {
    run(system, workers, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        announce(listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(echo(stream, buffer_bytes));
        }
    })
}

/// Ends with the connection: a reset is the client's way to leave.
async fn echo(mut stream: TcpStream, buffer_bytes: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}
