//! A borrowed descriptor must not outlive the stream that closes it.

use std::os::fd::AsFd;

use greenstd::net::TcpStream;

fn main() {
    let descriptor = {
        let stream = TcpStream::connect("127.0.0.1:1").unwrap();
        stream.as_fd()
    };
    println!("{descriptor:?}");
}
