//! A lock's guard belongs to the thread that took it.

use std::sync::Mutex;

static LOCK: Mutex<u32> = Mutex::new(1);

fn main() {
    let guard = LOCK.lock().unwrap();
    greenstd::thread::spawn(move || println!("{guard}"));
}
