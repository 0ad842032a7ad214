//! Many producers and consumers of all kinds, killed and timed out at random: every item is
//! accounted for.

use crate::random::Random;
use greenstd::queue::{LifoQueue, PriorityQueue, Queue, Shutdown};
use greenstd::{thread, time};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PRODUCERS: usize = 6;
const CONSUMERS: usize = 6;
const ITEMS_PER_PRODUCER: usize = 400;

/// An item that is noticed wherever it ends: taken, or dropped by one who was killed.
struct Item {
    number: usize,
    ledger: Arc<Ledger>,
}

#[derive(Default)]
struct Ledger {
    made: AtomicUsize,
    gone: Mutex<HashSet<usize>>,
}

impl Item {
    fn new(ledger: &Arc<Ledger>) -> Item {
        Item { number: ledger.made.fetch_add(1, Ordering::Relaxed), ledger: ledger.clone() }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        let is_first = self.ledger.gone.lock().unwrap().insert(self.number);
        assert!(is_first, "item {} was there twice", self.number);
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        self.number == other.number
    }
}
impl Eq for Item {}
impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Item) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Item {
    fn cmp(&self, other: &Item) -> std::cmp::Ordering {
        self.number.cmp(&other.number)
    }
}

macro_rules! conserves {
    ($law:ident, $queue:ident) => {
        #[test]
        fn $law() {
            let _watchdog = crate::flavour::Watchdog::new();
            let mut random = Random::from_environment();
            for workers in [1, 2] {
                let mut random = random.fork();
                let plain = random.fork();
                let runtime = greenstd::runtime::Builder::new().workers(workers).build().unwrap();
                let queue = Arc::new($queue::bounded(5));
                let ledger = Arc::new(Ledger::default());
                let (taken, put) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));

                let produce = {
                    let (queue, ledger, put) = (queue.clone(), ledger.clone(), put.clone());
                    move |mut random: Random| {
                        for _ in 0..ITEMS_PER_PRODUCER {
                            let item = Item::new(&ledger);
                            let is_put = match random.below(4) {
                                0 => queue.try_put(item).is_ok(),
                                1 => {
                                    let short = Duration::from_micros(random.below(200));
                                    queue.put_timeout(item, short).is_ok()
                                }
                                2 => {
                                    let short = Duration::from_micros(random.below(200));
                                    time::timeout(short, || queue.put(item).is_ok()) == Ok(true)
                                }
                                _ => queue.put(item).is_ok(),
                            };
                            put.fetch_add(usize::from(is_put), Ordering::Relaxed);
                        }
                    }
                };
                let consume = {
                    let (queue, taken) = (queue.clone(), taken.clone());
                    move |mut random: Random| {
                        loop {
                            let short = Duration::from_micros(random.below(200));
                            let item = match random.below(4) {
                                0 => queue.try_get().ok(),
                                1 => queue.get_timeout(short).ok(),
                                2 => time::timeout(short, || queue.get().ok()).ok().flatten(),
                                _ => match queue.get() {
                                    Ok(item) => Some(item),
                                    Err(_) => return,
                                },
                            };
                            if item.is_some() {
                                taken.fetch_add(1, Ordering::Relaxed);
                                queue.task_done().unwrap();
                            }
                            if random.below(8) == 0 {
                                thread::yield_now();
                            }
                        }
                    }
                };
                let os_producer = std::thread::spawn({
                    let (produce, mut plain) = (produce.clone(), plain.clone());
                    move || produce(plain.fork())
                });
                let os_consumer = std::thread::spawn({
                    let (consume, mut plain) = (consume.clone(), plain);
                    move || consume(plain.fork())
                });
                runtime.run({
                    let queue = queue.clone();
                    move || {
                        let producers: Vec<_> = (0..PRODUCERS)
                            .map(|_| {
                                let (produce, random) = (produce.clone(), random.fork());
                                thread::spawn(move || produce(random))
                            })
                            .collect();
                        let mut consumers: Vec<_> = (0..CONSUMERS)
                            .map(|_| {
                                let (consume, random) = (consume.clone(), random.fork());
                                thread::spawn(move || consume(random))
                            })
                            .collect();
                        for producer in producers.iter().take(PRODUCERS / 2) {
                            thread::sleep(Duration::from_micros(random.below(3000)));
                            producer.thread().kill().unwrap();
                            // Somebody goes on consuming in any case.
                            let consumer = consumers.swap_remove(0);
                            consumer.thread().kill().unwrap();
                            let (consume, random) = (consume.clone(), random.fork());
                            consumers.push(thread::spawn(move || consume(random)));
                            let _ = consumer.join();
                        }
                        for producer in producers {
                            let _ = producer.join();
                        }
                        while !os_producer.is_finished() {
                            thread::sleep(Duration::from_millis(1));
                        }
                        os_producer.join().unwrap();
                        queue.shutdown(Shutdown::Draining);
                        for consumer in consumers {
                            consumer.join().unwrap();
                        }
                    }
                });
                os_consumer.join().unwrap();
                runtime.shutdown();
                assert!(queue.is_empty());
                let made = ledger.made.load(Ordering::Relaxed);
                assert_eq!(ledger.gone.lock().unwrap().len(), made, "items were lost");
                // One who is killed between taking an item and counting it leaves it unfinished.
                let (put, taken) = (put.load(Ordering::Relaxed), taken.load(Ordering::Relaxed));
                let lost = PRODUCERS + CONSUMERS;
                assert!(taken.abs_diff(put) <= lost, "{put} items put, {taken} taken");
                assert!(queue.unfinished() <= lost, "{} items unfinished", queue.unfinished());
            }
        }
    };
}

conserves!(a_fifo_queue_loses_and_doubles_nothing, Queue);
conserves!(a_lifo_queue_loses_and_doubles_nothing, LifoQueue);
conserves!(a_priority_queue_loses_and_doubles_nothing, PriorityQueue);
