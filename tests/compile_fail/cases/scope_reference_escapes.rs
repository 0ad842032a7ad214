//! A thread without a scope must not spawn into one.

fn main() {
    greenstd::thread::scope(|scope| {
        greenstd::thread::spawn(move || {
            scope.spawn(|| ());
        });
    });
}
