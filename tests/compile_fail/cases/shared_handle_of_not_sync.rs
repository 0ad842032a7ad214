//! All who share a handle look at one value, from their own threads: it has to be `Sync`.

use std::cell::Cell;

fn main() {
    let handle = greenstd::thread::spawn(|| Cell::new(1)).share();
    let other = handle.clone();
    greenstd::thread::spawn(move || other.get().map(Cell::get).ok());
    let _ = handle.get().map(|cell| cell.set(2));
}
