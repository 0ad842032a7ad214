//! An echo server under a plain `poll(2)` loop:
//! `cargo run --release --example embed_poll -- 127.0.0.1:7777`.
//!
//! The loop belongs to the program. It polls its own descriptors, here the standard input, and that
//! of the runtime, which tells of the sockets, deadlines and wakes of all green threads. Input is
//! answered by how many bytes were echoed; its end leaves the server running.

use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::{Builder, DrivenRuntime};
use greenstd::thread;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::Duration;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let runtime = Builder::new().build_driven()?;
    // Green threads of one thread: what they count needs no atomic.
    let echoed = Rc::new(Cell::new(0));
    let counter = echoed.clone();
    runtime.spawn_local(move || serve(listener, &counter));
    run(&runtime, &echoed)
}

fn run(runtime: &DrivenRuntime, echoed: &Cell<usize>) -> io::Result<()> {
    let input = io::stdin();
    let mut has_input = true;
    loop {
        // The input comes last, and is left out once it has ended.
        let mut polled = [PollFd::new(runtime, PollFlags::IN), PollFd::new(&input, PollFlags::IN)];
        let polled = &mut polled[..1 + usize::from(has_input)];
        match poll(polled, None) {
            Err(Errno::INTR) => continue,
            outcome => outcome?,
        };
        let is_ready = |at: usize| polled.get(at).is_some_and(|one| !one.revents().is_empty());
        if is_ready(1) {
            // Past the buffer of std, of whose contents `poll` knows nothing.
            has_input = rustix::io::read(&input, &mut [0; 1024])? > 0;
            if has_input {
                println!("{} bytes echoed", echoed.get());
            }
        }
        if is_ready(0) {
            runtime.turn(Some(Duration::ZERO));
        }
    }
}

fn serve(listener: TcpListener, echoed: &Rc<Cell<usize>>) {
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => {
                let echoed = echoed.clone();
                thread::spawn_local(move || {
                    if let Err(error) = echo(stream, &echoed) {
                        eprintln!("a connection failed: {error}");
                    }
                });
            }
            Err(error) => eprintln!("cannot accept: {error}"),
        }
    }
}

fn echo(mut stream: TcpStream, echoed: &Cell<usize>) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
        echoed.set(echoed.get() + count);
    }
}
