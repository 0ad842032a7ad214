//! What a scoped thread returns must not borrow from what ends with the scope.

fn main() {
    let dangling: &str = {
        let text = String::from("gone before it is read");
        greenstd::thread::scope(|scope| scope.spawn(|| text.as_str()).join().unwrap())
    };
    println!("{dangling}");
}
