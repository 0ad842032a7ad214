//! A call with a resource may outlive the caller that abandons it, so it borrows nothing.

use greenstd::resource::ResourcePool;

fn main() {
    let pool = ResourcePool::new(1, || Ok::<_, ()>(1));
    let text = String::from("text");
    let length = pool.with(|number| *number + text.len());
    assert_eq!(length, Ok(5));
}
