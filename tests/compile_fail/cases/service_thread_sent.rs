//! It speaks for the OS thread that made it.

use greenstd::park::ServiceThread;

fn main() {
    let service = ServiceThread::new();
    std::thread::spawn(move || drop(service));
}
