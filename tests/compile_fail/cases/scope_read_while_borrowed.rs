//! A mutable borrow lasts until the scope ends, not until the spawning call returns.

fn main() {
    let mut count = 0;
    greenstd::thread::scope(|scope| {
        scope.spawn(|| count += 1);
        println!("{count}");
    });
}
