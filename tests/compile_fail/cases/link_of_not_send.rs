//! A link runs in another green thread, perhaps on another worker: what it holds has to be `Send`.

use std::rc::Rc;

fn main() {
    let shared = Rc::new(1);
    greenstd::thread::spawn(|| ()).link(move |_| println!("{shared}"));
}
