//! Resources that are counted, and a manager that does what a test tells it to.

use greenstd::resource::{Builder, Condition, Manage, ResourcePool};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What a test waits for before it fails: far beyond what anything takes on a slow machine.
pub const SOON: Duration = Duration::from_secs(10);

/// Enough for something to happen that must not.
pub const SHORT: Duration = Duration::from_millis(15);

/// Why there is no thing, or why it is not good.
pub type Refusal = &'static str;

type Hook = Box<dyn Fn() -> Result<(), Refusal> + Send + Sync>;

/// What became of all things.
#[derive(Default)]
pub struct Audit {
    alive: AtomicUsize,
    most: AtomicUsize,
    made: AtomicUsize,
    pub checked: AtomicUsize,
    pub cleaned: AtomicUsize,
}

/// A resource. Only one holder at a time uses it.
pub struct Thing {
    pub number: usize,
    pub condition: Condition,
    audit: Arc<Audit>,
    in_use: AtomicBool,
    on_drop: Option<Box<dyn FnOnce() + Send + Sync>>,
}

/// Makes things.
#[derive(Default)]
pub struct Maker {
    pub audit: Arc<Audit>,
    create: Option<Hook>,
    check: Option<Hook>,
    clean: Option<Hook>,
}

impl Audit {
    pub fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    /// How many things there were at once, at most.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    pub fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }
}

impl Thing {
    fn new(audit: &Arc<Audit>) -> Thing {
        let number = audit.made.fetch_add(1, Ordering::SeqCst);
        let alive = audit.alive.fetch_add(1, Ordering::SeqCst) + 1;
        audit.most.fetch_max(alive, Ordering::SeqCst);
        Thing {
            number,
            condition: Condition::Ready,
            audit: audit.clone(),
            in_use: AtomicBool::new(false),
            on_drop: None,
        }
    }

    // Calls `f` as the only one that uses the thing.
    pub fn alone<T>(&self, f: impl FnOnce() -> T) -> T {
        struct Ends<'t>(&'t AtomicBool);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::SeqCst);
            }
        }
        assert!(!self.in_use.swap(true, Ordering::SeqCst), "lent twice");
        let _ends = Ends(&self.in_use);
        f()
    }

    pub fn on_drop(&mut self, f: impl FnOnce() + Send + Sync + 'static) {
        self.on_drop = Some(Box::new(f));
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        assert!(!self.in_use.load(Ordering::SeqCst), "dropped while it is used");
        self.audit.alive.fetch_sub(1, Ordering::SeqCst);
        if let Some(on_drop) = self.on_drop.take() {
            on_drop();
        }
    }
}

fn ask(hook: &Option<Hook>) -> Result<(), Refusal> {
    hook.as_ref().map_or(Ok(()), |hook| hook())
}

impl Manage for Maker {
    type Resource = Thing;
    type Error = Refusal;

    fn create(&self) -> Result<Thing, Refusal> {
        ask(&self.create)?;
        Ok(Thing::new(&self.audit))
    }

    fn check(&self, thing: &mut Thing) -> Result<(), Refusal> {
        self.audit.checked.fetch_add(1, Ordering::SeqCst);
        thing.alone(|| ask(&self.check))
    }

    fn condition(&self, thing: &mut Thing) -> Condition {
        mem::replace(&mut thing.condition, Condition::Ready)
    }

    fn clean(&self, thing: &mut Thing) -> Result<(), Refusal> {
        self.audit.cleaned.fetch_add(1, Ordering::SeqCst);
        thing.alone(|| ask(&self.clean))
    }
}

impl Maker {
    pub fn new() -> Maker {
        Maker::default()
    }

    pub fn on_create(
        mut self,
        hook: impl Fn() -> Result<(), Refusal> + Send + Sync + 'static,
    ) -> Maker {
        self.create = Some(Box::new(hook));
        self
    }

    pub fn on_check(
        mut self,
        hook: impl Fn() -> Result<(), Refusal> + Send + Sync + 'static,
    ) -> Maker {
        self.check = Some(Box::new(hook));
        self
    }

    pub fn on_clean(
        mut self,
        hook: impl Fn() -> Result<(), Refusal> + Send + Sync + 'static,
    ) -> Maker {
        self.clean = Some(Box::new(hook));
        self
    }
}

/// Where a pool does what may block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    InPlace,
    OnThreads,
}

/// Calls `law` for pools of each kind.
pub fn each(law: impl Fn(Where)) {
    law(Where::InPlace);
    law(Where::OnThreads);
}

impl Where {
    pub fn builder(self, maker: Maker) -> Builder<Maker> {
        let builder = Builder::new(maker).check_after(Duration::MAX);
        if self == Where::InPlace { builder.in_place() } else { builder }
    }

    pub fn pool(self, max: usize, maker: Maker) -> ResourcePool<Maker> {
        self.builder(maker).max(max).build()
    }
}

/// Waits until `condition` holds; a law that never comes true fails here.
pub fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        greenstd::thread::sleep(Duration::from_millis(1));
    }
}

/// No place and no thing was lost: all that there may be can be had at once, and nothing is left
/// of a pool that was closed.
pub fn audit(pool: &ResourcePool<Maker>) {
    let all: Vec<_> = (0..pool.max())
        .map(|_| pool.get_timeout(SOON).map_err(|error| error.to_string()).unwrap())
        .collect();
    assert!(pool.try_get().is_none());
    assert!(pool.get_timeout(Duration::ZERO).is_err());
    drop(all);
    pool.close();
    assert!(pool.join(SOON), "a place was lost: {pool:?}");
    let audit = &pool.manager().audit;
    assert_eq!(audit.alive(), 0, "a thing was lost");
    assert!(audit.most() <= pool.max(), "{} at once", audit.most());
    let left = pool.statistics();
    assert_eq!((left.resources, left.idle, left.waiting), (0, 0, 0));
}

/// Holds OS threads back until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar, AtomicUsize)>);

impl Gate {
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Blocks the OS thread.
    pub fn pass(&self) {
        let (is_open, opened, arrived) = &*self.0;
        arrived.fetch_add(1, Ordering::SeqCst);
        let guard = is_open.lock().unwrap();
        drop(opened.wait_timeout_while(guard, SOON, |is_open| !*is_open).unwrap());
    }

    pub fn open(&self) {
        let (is_open, opened, _) = &*self.0;
        *is_open.lock().unwrap() = true;
        opened.notify_all();
    }

    pub fn arrived(&self) -> usize {
        self.0.2.load(Ordering::SeqCst)
    }
}
