//! A pool of resources in which threads wait.

use greenstd::resource::{Builder, ResourceGuard, ResourcePool};
use std::sync::Mutex;

/// A pool whose one resource is lent out.
pub struct Lent {
    pool: ResourcePool<Make>,
    held: Mutex<Vec<ResourceGuard<Make>>>,
}

type Make = fn() -> Result<(), ()>;

impl Lent {
    pub fn new() -> Lent {
        let pool = Builder::new((|| Ok(())) as Make).in_place().max(1).build();
        let held = Mutex::new(vec![pool.get().unwrap()]);
        Lent { pool, held }
    }

    pub fn get(&self) {
        let guard = self.pool.get().unwrap();
        self.held.lock().unwrap().push(guard);
    }

    pub fn try_get(&self) -> bool {
        let guard = self.pool.try_get();
        let is_there = guard.is_some();
        self.held.lock().unwrap().extend(guard);
        is_there
    }

    pub fn give_back(&self) {
        let guard = self.held.lock().unwrap().pop();
        drop(guard);
    }

    pub fn join(&self) {
        assert!(self.pool.join(None));
    }

    pub fn discard(&self) {
        let guard = self.held.lock().unwrap().pop();
        guard.into_iter().for_each(ResourceGuard::discard);
    }
}
