//! A scoped thread that accepts keeps the listener alive.

use greenstd::net::TcpListener;

fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    greenstd::thread::scope(|scope| {
        scope.spawn(|| listener.accept());
        drop(listener);
    });
}
