//! The result of a job is made on another thread, so it may not hold an `Rc`.

use std::rc::Rc;

fn main() {
    let pool = greenstd::blocking::BlockingPool::new(1);
    drop(pool.spawn(|| Rc::new(4)));
}
