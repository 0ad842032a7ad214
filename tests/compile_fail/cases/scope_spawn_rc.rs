//! A scope lends borrows, not a pass for what is not `Send`.

use std::rc::Rc;

fn main() {
    let shared = Rc::new(1);
    greenstd::thread::scope(|scope| {
        scope.spawn(|| println!("{shared}"));
    });
}
