//! A cache behind a read-write lock, and values that are made once.

use super::std::{self, println};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, LazyLock, Once, OnceLock, RwLock, TryLockError};
use std::thread;
use std::time::Duration;

const READERS: usize = 36;
const KEYS: u64 = 12;

static SETTINGS: LazyLock<BTreeMap<&str, u64>> = LazyLock::new(|| {
    MADE.fetch_add(1, Ordering::SeqCst);
    thread::sleep(Duration::from_millis(10));
    BTreeMap::from([("factor", 3), ("offset", 4)])
});
static MADE: AtomicUsize = AtomicUsize::new(0);
static BANNER: Once = Once::new();
static OWNER: OnceLock<String> = OnceLock::new();

#[derive(Default)]
struct Cache {
    entries: RwLock<BTreeMap<u64, Arc<OnceLock<u64>>>>,
    computed: AtomicUsize,
    hits: AtomicUsize,
}

impl Cache {
    /// The value of a key, which exactly one thread computes.
    fn get(&self, key: u64) -> u64 {
        let known = self.entries.read().unwrap().get(&key).map(Arc::clone);
        let cell = match known {
            Some(cell) => {
                self.hits.fetch_add(1, Ordering::SeqCst);
                cell
            }
            None => Arc::clone(self.entries.write().unwrap().entry(key).or_default()),
        };
        *cell.get_or_init(|| {
            self.computed.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(2));
            key * SETTINGS["factor"] + SETTINGS["offset"]
        })
    }
}

pub fn main() {
    let cache = Arc::new(Cache::default());
    let start = Arc::new(Barrier::new(READERS));
    let leaders = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = (0..READERS as u64)
        .map(|reader| {
            let (cache, start, leaders) = (cache.clone(), start.clone(), leaders.clone());
            thread::spawn(move || {
                BANNER.call_once(|| println!("the cache opens"));
                if start.wait().is_leader() {
                    leaders.fetch_add(1, Ordering::SeqCst);
                }
                crate::crowd::is_here(READERS);
                start.wait();
                OWNER.get_or_init(|| "the first of them".to_owned());
                (0..KEYS).map(|key| cache.get((key + reader) % KEYS)).sum::<u64>()
            })
        })
        .collect();
    let mut sums: Vec<u64> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    sums.dedup();
    println!("every reader has {sums:?}; {leaders:?} of them led");
    println!("computed {:?}, settings made {MADE:?}", cache.computed);
    println!("owned by {:?}, opened: {}", OWNER.get(), BANNER.is_completed());
    assert!(cache.hits.load(Ordering::SeqCst) > 0);
    guards(&cache);
    waits();
}

/// Who excludes whom.
fn guards(cache: &Cache) {
    let one = cache.entries.read().unwrap();
    let two = cache.entries.try_read().expect("readers do not exclude each other");
    let refused = matches!(cache.entries.try_write(), Err(TryLockError::WouldBlock));
    println!("{} = {} keys, a writer beside readers is refused: {refused}", one.len(), two.len());
    drop((one, two));

    thread::scope(|scope| {
        let mut writer = cache.entries.write().unwrap();
        let reader = scope.spawn(|| cache.entries.read().unwrap().len());
        thread::sleep(Duration::from_millis(5));
        writer.insert(1_000, Arc::default());
        assert!(!reader.is_finished(), "a reader waits for the writer");
        drop(writer);
        println!("a reader that has waited sees {} keys", reader.join().unwrap());
    });
}

/// What waits for others to make something.
fn waits() {
    static READY: Once = Once::new();
    static ANSWER: OnceLock<u32> = OnceLock::new();
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                READY.wait();
                *ANSWER.wait()
            })
        })
        .collect();
    READY.call_once(|| thread::sleep(Duration::from_millis(2)));
    assert_eq!(ANSWER.set(42), Ok(()));
    assert_eq!(ANSWER.set(43), Err(43));
    let answers: Vec<_> = waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect();
    println!("{answers:?}");
    let mut lazy = LazyLock::new(|| vec![1]);
    lazy.push(2);
    println!("{:?}", *lazy);
}
