//! A guard is `Sync` only if what it guards is: sharing the guard of a `Cell` is a data race.

use greenstd::sync::Mutex;
use std::cell::Cell;

fn main() {
    let lock = Mutex::new(Cell::new(1));
    let guard = lock.lock().unwrap();
    greenstd::thread::scope(|scope| {
        scope.spawn(|| guard.set(2));
        guard.set(3);
    });
}
