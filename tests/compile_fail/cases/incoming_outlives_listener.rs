//! The iterator over connections borrows its listener.

use greenstd::net::TcpListener;

fn main() {
    let mut incoming = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.incoming()
    };
    incoming.next();
}
