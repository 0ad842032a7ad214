//! Where the servers are: those that the environment names, and plain ones of the parent's own.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// The URL in the variable of that name. None, and it is said, if there is none.
pub fn named(variable: &str, server: &str) -> Option<String> {
    let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        // Not by `eprintln!`, which the test harness swallows.
        let text = format!("skipped, because {variable} names no {server} server: {test}\n");
        let _ = io::stderr().write_all(text.as_bytes());
    }
    url
}

/// Serves on OS threads of this process until that ends, one for each connection.
pub fn serve(conversation: fn(TcpStream) -> io::Result<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("connections are accepted");
            // A client that was killed breaks off: that is no failure of the server's.
            thread::spawn(move || conversation(stream));
        }
    });
    address
}

/// What a server does for so many seconds before it answers.
pub fn nap(seconds: u32) {
    thread::sleep(Duration::from_secs(seconds.into()));
}
