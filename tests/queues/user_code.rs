//! Comparisons and clones, which are the user's: they may panic, block, and take long.

use greenstd::queue::{PriorityQueue, Queue, Shutdown};
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

/// How the comparisons and clones of one test behave.
#[derive(Default)]
struct Mood {
    panics: AtomicBool,
    blocks: AtomicBool,
    is_blocking: AtomicBool,
    calls: AtomicUsize,
}

struct Moody(u32, Arc<Mood>);

impl Mood {
    fn show(&self) {
        self.calls.fetch_add(1, SeqCst);
        if self.panics.load(SeqCst) {
            std::panic::resume_unwind(Box::new("in a bad mood"));
        }
        while self.blocks.load(SeqCst) {
            self.is_blocking.store(true, SeqCst);
            greenstd::thread::sleep(Duration::from_millis(1));
        }
    }

    fn wait_until_blocked(&self) {
        while !self.is_blocking.load(SeqCst) {
            greenstd::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Clone for Moody {
    fn clone(&self) -> Moody {
        self.1.show();
        Moody(self.0, self.1.clone())
    }
}

impl PartialEq for Moody {
    fn eq(&self, other: &Moody) -> bool {
        self.0 == other.0
    }
}

impl Eq for Moody {}

impl PartialOrd for Moody {
    fn partial_cmp(&self, other: &Moody) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moody {
    fn cmp(&self, other: &Moody) -> Ordering {
        self.1.show();
        self.0.cmp(&other.0)
    }
}

fn moody(numbers: impl Iterator<Item = u32>) -> (Arc<Mood>, Arc<PriorityQueue<Moody>>) {
    let mood = Arc::new(Mood::default());
    let queue = numbers.map(|number| Moody(number, mood.clone())).collect();
    (mood, Arc::new(queue))
}

laws! {
    fn whoever_puts_compares_nothing() {
        let (mood, queue) = moody((0..100).rev());
        assert_eq!(mood.calls.load(SeqCst), 0);
        assert_eq!(queue.get().unwrap().0, 0);
        assert!(mood.calls.load(SeqCst) > 0);
    }

    fn a_comparison_that_panics_loses_no_item() {
        let (mood, queue) = moody((0..50).map(|number| number * 17 % 50));
        for lowest in 0..50 {
            if lowest < 48 {
                mood.panics.store(true, SeqCst);
                assert!(catch_unwind(AssertUnwindSafe(|| queue.get())).is_err());
                assert!(catch_unwind(AssertUnwindSafe(|| queue.try_peek())).is_err());
                mood.panics.store(false, SeqCst);
            }
            assert_eq!(queue.len(), 50 - lowest as usize);
            assert_eq!(queue.get().unwrap().0, lowest);
        }
        assert_eq!(queue.unfinished(), 50);
    }

    fn whoever_gets_waits_for_a_comparison_that_blocks_and_whoever_puts_does_not() {
        let (mood, queue) = moody([2, 3, 1].into_iter());
        mood.blocks.store(true, SeqCst);
        let other = queue.clone();
        let first = thread::spawn(move || other.get().unwrap().0);
        mood.wait_until_blocked();
        queue.put(Moody(0, mood.clone())).unwrap();
        assert_eq!(queue.len(), 4);
        assert!(queue.get_timeout(SHORT).is_err());
        assert!(greenstd::time::timeout(SHORT, || queue.try_get().is_ok()).is_err());
        let other = queue.clone();
        let second = thread::spawn(move || other.try_get().unwrap().0);
        thread::sleep(SHORT);
        mood.blocks.store(false, SeqCst);
        // The first had begun before the lowest came.
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (1, 0));
        assert_eq!((queue.get().unwrap().0, queue.get().unwrap().0), (2, 3));
    }

    fn a_getter_killed_in_a_comparison_loses_no_item() {
        let (mood, queue) = moody((0..10).rev());
        mood.blocks.store(true, SeqCst);
        let other = queue.clone();
        let getter = greenstd::thread::spawn(move || other.get().map(|item| item.0));
        mood.wait_until_blocked();
        let other = queue.clone();
        let next = thread::spawn(move || other.get().unwrap().0);
        thread::sleep(SHORT);
        getter.thread().kill().unwrap();
        assert!(getter.join().is_err());
        mood.blocks.store(false, SeqCst);
        assert_eq!(next.join().unwrap(), 0);
        queue.shutdown(Shutdown::Draining);
        assert!(queue.iter().map(|item| item.0).eq(1..10));
    }

    fn an_immediate_end_does_not_wait_for_a_comparison() {
        let (mood, queue) = moody((0..10).rev());
        mood.blocks.store(true, SeqCst);
        let (other, another) = (queue.clone(), queue.clone());
        let first = thread::spawn(move || other.get().is_ok());
        mood.wait_until_blocked();
        let second = thread::spawn(move || another.get_timeout(LONG).is_ok());
        thread::sleep(SHORT);
        queue.shutdown(Shutdown::Immediate);
        assert!(!second.join().unwrap());
        mood.blocks.store(false, SeqCst);
        assert!(first.join().unwrap());
        // The other nine were in the hands of the first, and are gone.
        assert_eq!((queue.len(), queue.unfinished()), (0, 1));
        assert!(queue.get().is_err());
    }

    fn nobody_takes_an_item_while_it_is_cloned() {
        let mood = Arc::new(Mood::default());
        let queue = Arc::new(Queue::bounded(2));
        queue.put(Moody(1, mood.clone())).unwrap();
        queue.put(Moody(2, mood.clone())).unwrap();
        mood.blocks.store(true, SeqCst);
        let (peeker, getter, putter) = (queue.clone(), queue.clone(), queue.clone());
        let peeker = thread::spawn(move || peeker.peek().unwrap().0);
        mood.wait_until_blocked();
        let getter = thread::spawn(move || getter.get().unwrap().0);
        let third = Moody(3, mood.clone());
        let putter = thread::spawn(move || putter.put(third).is_ok());
        thread::sleep(SHORT);
        assert!(!getter.is_finished() && !putter.is_finished());
        assert!(queue.try_put(Moody(4, mood.clone())).is_err());
        mood.blocks.store(false, SeqCst);
        assert_eq!((peeker.join().unwrap(), getter.join().unwrap()), (1, 1));
        assert!(putter.join().unwrap());
        assert_eq!((queue.get().unwrap().0, queue.get().unwrap().0), (2, 3));
    }

    fn a_clone_that_panics_leaves_the_item() {
        let mood = Arc::new(Mood::default());
        let queue = Queue::new();
        queue.put(Moody(1, mood.clone())).unwrap();
        mood.panics.store(true, SeqCst);
        assert!(catch_unwind(AssertUnwindSafe(|| queue.peek())).is_err());
        assert_eq!(queue.get_timeout(LONG).map(|item| item.0), Ok(1));
    }
}
