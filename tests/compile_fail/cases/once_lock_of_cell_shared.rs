//! All threads look at the value of a cell, so it must be `Sync`.

use greenstd::sync::OnceLock;
use std::cell::Cell;

fn main() {
    let cell = OnceLock::from(Cell::new(1));
    greenstd::thread::scope(|scope| {
        scope.spawn(|| cell.wait().set(2));
    });
}
