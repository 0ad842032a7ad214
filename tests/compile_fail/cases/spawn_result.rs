//! `join` carries the result to another thread, so the result must be `Send` too.

use std::cell::Cell;
use std::rc::Rc;

fn main() {
    let handle = greenstd::thread::spawn(|| Cell::new(Rc::new(1)));
    let _cell: Cell<Rc<i32>> = handle.join().unwrap();
}
