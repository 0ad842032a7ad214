//! A resource moves to the thread that uses it, so it shares nothing with the one that did before.

use greenstd::resource::ResourcePool;
use std::rc::Rc;

fn main() {
    let pool = ResourcePool::new(1, || Ok::<_, ()>(Rc::new(1)));
    assert_eq!(pool.get().map(|guard| **guard), Ok(1));
}
