//! The handle of a scoped thread must not outlive the scope.

fn main() {
    let mut text = String::from("borrowed");
    let mut kept = None;
    greenstd::thread::scope(|scope| {
        kept = Some(scope.spawn(|| text.push('!')));
    });
    kept.unwrap().join().unwrap();
}
