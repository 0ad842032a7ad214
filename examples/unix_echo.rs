//! An echo server on a Unix socket: `cargo run --release --example unix_echo -- /tmp/echo.sock`.
//!
//! Straight-line code, a green thread for each connection. Replace `greenstd::` by `std::` in this
//! file and it does the same with OS threads.

use std::io::{self, Read, Write};

use greenstd::os::unix::net::{UnixListener, UnixStream};
use greenstd::thread::spawn;

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "/tmp/echo.sock".to_owned());
    let listener = UnixListener::bind(path)?;
    println!("listening on {:?}", listener.local_addr()?);
    for stream in &listener {
        match stream {
            Ok(stream) => {
                spawn(move || {
                    if let Err(error) = echo(stream) {
                        eprintln!("a connection failed: {error}");
                    }
                });
            }
            Err(error) => eprintln!("cannot accept: {error}"),
        }
    }
    Ok(())
}

fn echo(mut stream: UnixStream) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}
