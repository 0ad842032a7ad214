//! What the laws share: connected pairs, descriptors that are counted, patience.

use greenstd::net::{TcpListener, TcpStream};
use greenstd::thread::{self, JoinHandle, Killed};
use std::fs;
use std::time::Duration;

/// Both ends of a connection: the one that connected, the one that accepted.
pub fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Long enough for a thread that was just started to be waiting in its call; a law must hold
/// without this, but would then test less.
pub fn let_others_wait() {
    thread::sleep(Duration::from_millis(20));
}

pub fn was_killed<T>(handle: JoinHandle<T>) -> bool {
    handle.join().is_err_and(|payload| payload.is::<Killed>())
}

/// Whether this process has the descriptor open.
pub fn is_open(number: i32) -> bool {
    fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok()
}
