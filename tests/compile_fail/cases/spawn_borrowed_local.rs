//! A green thread may outlive the function that spawned it, so it must not borrow from it.

fn main() {
    let text = String::from("gone before it is read");
    greenstd::thread::spawn(|| println!("{text}"));
}
