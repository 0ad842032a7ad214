//! A UDP echo server: `cargo run --release --example udp_echo -- 127.0.0.1:7777`.
//!
//! Several threads receive from one socket, each straight-line code. Replace `greenstd` by `std` in
//! this file and it does the same with OS threads.

use std::io;
use std::sync::Arc;

use greenstd::net::UdpSocket;
use greenstd::thread::{Builder, available_parallelism};

/// The largest datagram that there is.
const DATAGRAM_BYTES: usize = 65_535;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned());
    let socket = Arc::new(UdpSocket::bind(address)?);
    println!("listening on {}", socket.local_addr()?);
    let mut echoers = Vec::new();
    for index in 0..available_parallelism()?.get() {
        let socket = Arc::clone(&socket);
        let builder = Builder::new().name(format!("echo-{index}"));
        echoers.push(builder.spawn(move || echo(&socket))?);
    }
    for echoer in echoers {
        echoer.join().expect("an echo does not panic");
    }
    Ok(())
}

/// Sends each datagram back to where it comes from. What fails concerns one datagram alone.
fn echo(socket: &UdpSocket) {
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        let outcome = socket
            .recv_from(&mut buffer)
            .and_then(|(count, peer)| socket.send_to(&buffer[..count], peer));
        if let Err(error) = outcome {
            eprintln!("a datagram was lost: {error}");
        }
    }
}
