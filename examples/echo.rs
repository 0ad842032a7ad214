//! An echo server: `cargo run --release --example echo -- 127.0.0.1:7777`.
//!
//! Straight-line code, a green thread for each connection. Replace `greenstd` by `std` in this file
//! and it does the same with OS threads.

use std::io::{self, Read, Write};

use greenstd::net::{TcpListener, TcpStream};
use greenstd::thread::spawn;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
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

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}
