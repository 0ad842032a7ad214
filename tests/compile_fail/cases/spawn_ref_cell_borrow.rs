//! A borrow of a `RefCell` counts without atomics and must not reach another thread.

use std::cell::RefCell;

fn main() {
    let cell: &'static RefCell<u32> = Box::leak(Box::new(RefCell::new(1)));
    let borrow = cell.borrow();
    greenstd::thread::spawn(move || println!("{borrow}"));
}
