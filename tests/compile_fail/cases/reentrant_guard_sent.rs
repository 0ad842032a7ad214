//! C41: only the holder of a reentrant mutex gives it back; nobody else can get at its guard.

use greenstd::sync::ReentrantMutex;

static MUTEX: ReentrantMutex<i32> = ReentrantMutex::new(1);

fn main() {
    let guard = MUTEX.lock();
    greenstd::spawn(move || drop(guard));
}
