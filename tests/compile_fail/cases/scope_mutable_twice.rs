//! Two scoped threads must not both borrow the same value mutably.

fn main() {
    let mut count = 0;
    greenstd::thread::scope(|scope| {
        scope.spawn(|| count += 1);
        scope.spawn(|| count += 1);
    });
}
