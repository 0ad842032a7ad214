//! An `Rc` must not reach another thread: `spawn` asks for `Send` (rivals' macros do not).

use std::rc::Rc;

fn main() {
    let shared = Rc::new(1);
    let copy = Rc::clone(&shared);
    greenstd::thread::spawn(move || println!("{copy}"));
    println!("{shared}");
}
