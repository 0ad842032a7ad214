//! What is made inside the scope's closure is gone before the scope has joined its threads.

fn main() {
    greenstd::thread::scope(|scope| {
        let text = String::from("gone before it is read");
        scope.spawn(|| println!("{text}"));
    });
}
