//! `Builder::spawn` has the bounds of `spawn`.

use std::rc::Rc;

fn main() {
    let shared = Rc::new(1);
    let _ = greenstd::thread::Builder::new().spawn(move || println!("{shared}"));
}
