//! An echo server under GLib's main loop:
//! `cargo run --release --features glib --example embed_glib -- 127.0.0.1:7777`.
//!
//! As in a GTK program, GLib has the thread: `unix_fd_add_local` has it poll the runtime's
//! descriptor, and each time that this is readable the runtime is turned. Green threads and
//! callbacks share the thread, so they share what is not `Send`, too.

use glib::{ControlFlow, IOCondition, MainLoop};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::Builder;
use greenstd::thread;
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Duration;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let runtime = Builder::new().build_driven()?;
    let echoed = Rc::new(Cell::new(0));
    let counter = echoed.clone();
    runtime.spawn_local(move || serve(&listener, &counter));

    // The runtime lives as long as the source that polls its descriptor.
    let descriptor = runtime.as_raw_fd();
    glib_unix::unix_fd_add_local(descriptor, IOCondition::IN, move |_, _| {
        runtime.turn(Some(Duration::ZERO));
        ControlFlow::Continue
    });
    let mut told = 0;
    glib::timeout_add_seconds_local(1, move || {
        if told != echoed.get() {
            told = echoed.get();
            println!("{told} bytes echoed");
        }
        ControlFlow::Continue
    });
    MainLoop::new(None, false).run();
    Ok(())
}

fn serve(listener: &TcpListener, echoed: &Rc<Cell<usize>>) {
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
