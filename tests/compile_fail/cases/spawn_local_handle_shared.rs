//! The handle of a local green thread must not be shared with other threads either.

fn main() {
    let handle = greenstd::spawn_local(|| 1);
    greenstd::thread::scope(|scope| {
        scope.spawn(|| println!("{}", handle.is_finished()));
    });
}
