//! A mutex hands what it holds from thread to thread, so that must be `Send`.

use greenstd::sync::Mutex;
use std::rc::Rc;

fn main() {
    let lock = Mutex::new(Rc::new(1));
    greenstd::thread::scope(|scope| {
        scope.spawn(|| drop(lock.lock().unwrap().clone()));
    });
}
