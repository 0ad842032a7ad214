//! A wait gives the guard up: nothing it guards can be looked at meanwhile.

use greenstd::sync::{Condvar, Mutex};

fn main() {
    let (mutex, condvar) = (Mutex::new(1), Condvar::new());
    let guard = mutex.lock().unwrap();
    let _again = condvar.wait(guard);
    println!("{guard}");
}
