//! Staying on one worker does not make a borrow last: a local green thread may outlive its
//! spawner.

fn main() {
    let text = String::from("gone before it is read");
    greenstd::spawn_local(|| println!("{text}"));
}
