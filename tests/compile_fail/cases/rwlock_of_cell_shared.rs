//! Readers look at the same value at the same time, so it must be `Sync`.

use greenstd::sync::RwLock;
use std::cell::Cell;

fn main() {
    let lock = RwLock::new(Cell::new(1));
    greenstd::thread::scope(|scope| {
        scope.spawn(|| lock.read().unwrap().set(2));
    });
}
