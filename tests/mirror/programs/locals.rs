//! Values of each thread: counters, ids handed out, destructors, and the end of a value.

use super::std::{self, println, thread_local};
use std::cell::{Cell, OnceCell, RefCell};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, AccessError, LocalKey};
use std::time::Duration;

const THREADS: u32 = 33;

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
    pub(crate) static TRAIL: RefCell<Vec<String>> = RefCell::new(vec!["start".to_owned()]);
    /// Handed out once for each thread.
    static NUMBER: u32 = NEXT.fetch_add(1, Ordering::SeqCst);
}
thread_local!(static NAME: OnceCell<String> = const { OnceCell::new() });
thread_local! {}
thread_local![
    #[allow(dead_code)]
    pub static UNUSED: String = "unused".repeat(2);
    static BLOCK: u8 = {
        let half: u8 = "21".parse().unwrap();
        2 * half
    };
    pub(self) static COMPUTED: [u8; 2] = const {
        let first = 7;
        [first, first + 1]
    }
];
std::thread_local! {
    static LAST_WORDS: Farewell = const { Farewell(RefCell::new(None)) };
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Says something when its thread ends.
struct Farewell(RefCell<Option<Arc<Mutex<Vec<u32>>>>>);

impl Drop for Farewell {
    fn drop(&mut self) {
        if let Some(words) = self.0.take() {
            // Another value can be used in a destructor, as long as it has none itself.
            words.lock().unwrap().push(COUNT.get());
        }
    }
}

pub fn main() {
    counters();
    numbers();
    destructors();
    keys();
}

fn counters() {
    COUNT.set(1_000);
    let threads: Vec<_> = (1..=THREADS)
        .map(|times| {
            thread::spawn(move || {
                for step in 0..times {
                    COUNT.set(COUNT.get() + 1);
                    TRAIL.with_borrow_mut(|trail| trail.push(format!("step {step}")));
                    // Others run meanwhile, which must not show.
                    thread::sleep(Duration::from_micros(200));
                }
                (COUNT.get(), TRAIL.with_borrow(|trail| trail.len()))
            })
        })
        .collect();
    let counts: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(
        counts.iter().zip(1..).all(|((count, steps), n)| *count == n && *steps as u32 == n + 1)
    );
    println!("{} threads counted to {}", counts.len(), counts.iter().map(|c| c.0).sum::<u32>());
    println!("here it is still {}, and {:?}", COUNT.get(), TRAIL.take());
}

fn numbers() {
    let all_here = Arc::new(Barrier::new(THREADS as usize));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let all_here = Arc::clone(&all_here);
            thread::spawn(move || {
                let first = NUMBER.with(|number| *number);
                all_here.wait();
                crate::crowd::is_here(THREADS as usize);
                all_here.wait();
                NAME.with(|name| {
                    let made = name.get_or_init(|| format!("thread {first}"));
                    // The reference is held across a wait.
                    thread::yield_now();
                    assert_eq!(*made, format!("thread {}", NUMBER.with(|number| *number)));
                });
                first
            })
        })
        .collect();
    let mut numbers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    numbers.sort_unstable();
    println!("numbers {:?} to {:?}, no two alike", numbers.first(), numbers.last());
    numbers.dedup();
    assert_eq!(numbers.len(), THREADS as usize);
}

fn destructors() {
    let words = Arc::new(Mutex::new(Vec::new()));
    for count in 1..=3 {
        let words = Arc::clone(&words);
        let thread = thread::spawn(move || {
            COUNT.set(count * 11);
            LAST_WORDS.with(|farewell| farewell.0.replace(Some(words)));
        });
        thread.join().unwrap();
    }
    // One of which nobody is told when it ends, but which does end.
    println!("last words: {:?}", words.lock().unwrap());
}

fn keys() {
    fn bump(key: &'static LocalKey<Cell<u32>>) -> Result<u32, AccessError> {
        key.try_with(|cell| {
            cell.set(cell.get() + 1);
            cell.get()
        })
    }
    println!("{:?}, then {}", bump(&COUNT), COUNT.replace(5));
    println!("taken: {}, left: {}", COUNT.take(), COUNT.get());
    TRAIL.set(vec!["anew".to_owned()]);
    println!("{} {:?}", BLOCK.with(|value| *value), COMPUTED.with(|values| *values));
    println!("{:?}, then {:?}", TRAIL.replace(Vec::new()), TRAIL.take());
}
