//! An echo server for WebSockets, and a client for it.
//!
//! `cargo run --release --features ws --example ws_echo -- serve 127.0.0.1:7777` serves. `connect
//! ws://127.0.0.1:7777/` sends each line of its standard input as a text, prints what comes back
//! while it sends, and closes at the end. Browsers and other clients are welcome.

use std::io::{self, BufRead};
use std::time::Duration;
use std::{env, process};

use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::ws::{self, Message};
use greenstd::thread;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address] => serve(address),
        ["connect", url] => connect(url),
        _ => {
            eprintln!("usage: ws_echo serve ADDRESS | connect URL");
            process::exit(2);
        }
    }
}

fn serve(address: &str) -> io::Result<()> {
    let server = StreamServer::builder()
        .name("ws_echo")
        // Whoever has said nothing for so long is gone, or is asked by its own pings.
        .read_timeout(Duration::from_secs(300))
        .start(address, echo)?;
    println!("listening on {}", server.local_addr());
    server.serve_forever()
}

fn echo(connection: Connection) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let socket = ws::accept(&*connection)?;
    while let Some(message) = socket.read()? {
        socket.send(message)?;
    }
    Ok(())
}

fn connect(url: &str) -> io::Result<()> {
    let socket = ws::connect(url)?;
    thread::scope(|scope| {
        // The one that sends says that it is done; the server answers all before its own close.
        let sender = scope.spawn(|| {
            for line in greenstd::io::stdin().lock().lines() {
                socket.send(line?)?;
            }
            socket.send(Message::Close(None))
        });
        while let Some(message) = socket.read()? {
            println!("{message}");
        }
        sender.join().expect("it does not panic")
    })
}
