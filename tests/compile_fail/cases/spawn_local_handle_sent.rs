//! The handle of a local green thread stays on its worker, even if the result could travel.

fn main() {
    let handle = greenstd::spawn_local(|| 1);
    greenstd::thread::spawn(move || {
        let _ = handle.join();
    });
}
