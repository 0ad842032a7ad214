//! An echo server under tokio: `cargo run --release --example embed_tokio -- 127.0.0.1:7777`.
//!
//! tokio has the thread. Its reactor watches the runtime's descriptor by an `AsyncFd`, and a task
//! turns the runtime whenever that is readable. The sockets are green threads'; every second that
//! something was echoed, a task of tokio's says how much, as a channel between the two has told it.
#![allow(unsafe_code, reason = "tokio wants a promise for a descriptor")]

use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::{Builder, DrivenRuntime};
use greenstd::thread;
use std::io::{self, Read, Write};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::task;

/// Bytes of one echo.
type Echoed = mpsc::UnboundedSender<usize>;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned());
    let host = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    task::LocalSet::new().block_on(&host, async {
        let listener = TcpListener::bind(address)?;
        println!("listening on {}", listener.local_addr()?);
        let runtime = Builder::new().build_driven()?;
        let (echoed, told) = mpsc::unbounded_channel();
        runtime.spawn(move || serve(&listener, &echoed));
        task::spawn_local(report(told));
        drive(runtime).await
    })
}

/// tokio tells of edges: the runtime is turned until it is idle, and what comes afterwards is
/// another edge.
async fn drive(runtime: DrivenRuntime) -> io::Result<()> {
    // SAFETY: the descriptor is the runtime's, and open for as long as that is there.
    let runtime = unsafe { AsyncFd::register_with_interest(runtime, Interest::READABLE)? };
    loop {
        while runtime.get_ref().turn(Some(Duration::ZERO)).is_runnable() {
            task::yield_now().await;
        }
        runtime.readable().await?.clear_ready();
    }
}

async fn report(mut told: mpsc::UnboundedReceiver<usize>) {
    let mut total = 0;
    while let Some(count) = told.recv().await {
        total += count;
        tokio::time::sleep(Duration::from_secs(1)).await;
        while let Ok(count) = told.try_recv() {
            total += count;
        }
        println!("{total} bytes echoed");
    }
}

fn serve(listener: &TcpListener, echoed: &Echoed) {
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => {
                let echoed = echoed.clone();
                thread::spawn(move || {
                    if let Err(error) = echo(stream, &echoed) {
                        eprintln!("a connection failed: {error}");
                    }
                });
            }
            Err(error) => eprintln!("cannot accept: {error}"),
        }
    }
}

fn echo(mut stream: TcpStream, echoed: &Echoed) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
        // Nobody listens any more if the program ends.
        let _ = echoed.send(count);
    }
}
