//! A guard stays on its thread: whoever locked a mutex unlocks it, as in std.

use greenstd::sync::Mutex;

static MUTEX: Mutex<i32> = Mutex::new(1);

fn main() {
    let guard = MUTEX.lock().unwrap();
    greenstd::spawn(move || drop(guard));
}
