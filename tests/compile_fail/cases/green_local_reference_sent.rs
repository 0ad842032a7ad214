//! Another green thread may run on another OS thread: what is not `Sync` stays with its owner.

use greenstd::thread;
use std::cell::Cell;

greenstd::green_local!(static NUMBER: Cell<u32> = const { Cell::new(0) });

fn main() {
    NUMBER.with(|number| {
        thread::scope(|scope| {
            scope.spawn(|| number.set(1));
        });
    });
}
