//! There may be several guards of a reentrant mutex at once, so none of them is exclusive.

use greenstd::sync::ReentrantMutex;

fn main() {
    let mutex = ReentrantMutex::new(1);
    let guard = mutex.lock();
    *guard += 1;
}
