//! A borrow of a thread-local must not leave the call that lent it, even if threads may share it:
//! the thread may end, and its local with it, before the green thread does.

use std::sync::atomic::{AtomicU32, Ordering};

thread_local! {
    static COUNT: AtomicU32 = const { AtomicU32::new(0) };
}

fn main() {
    COUNT.with(|count| {
        greenstd::thread::spawn(move || count.store(1, Ordering::Relaxed));
    });
}
