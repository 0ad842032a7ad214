//! A child of a nursery outlives the body that spawned it: it may borrow what outlives the nursery,
//! and nothing of the body's own.

fn main() {
    let _ = greenstd::thread::nursery(|nursery| -> Result<(), ()> {
        let own = String::from("gone when the body returns");
        nursery.spawn(|| {
            println!("{own}");
            Ok(())
        });
        Ok(())
    });
}
