//! A bounded queue of jobs from a mutex and two conditions; results come over a channel.

use super::std::{self, println};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const WORKERS: usize = 32;
const JOBS: u64 = 2_000;
const ROOM: usize = 16;

struct Queue<T> {
    state: Mutex<State<T>>,
    has_items: Condvar,
    has_room: Condvar,
}

struct State<T> {
    items: VecDeque<T>,
    longest: usize,
    is_closed: bool,
}

impl<T> Queue<T> {
    const fn new() -> Queue<T> {
        let state = State { items: VecDeque::new(), longest: 0, is_closed: false };
        Queue { state: Mutex::new(state), has_items: Condvar::new(), has_room: Condvar::new() }
    }

    fn push(&self, item: T) {
        let state = self.state.lock().unwrap();
        let mut state = self.has_room.wait_while(state, |s| s.items.len() == ROOM).unwrap();
        state.items.push_back(item);
        state.longest = state.longest.max(state.items.len());
        drop(state);
        self.has_items.notify_one();
    }

    fn pop(&self) -> Option<T> {
        let mut state = self.state.lock().unwrap();
        while state.items.is_empty() {
            if state.is_closed {
                return None;
            }
            state = self.has_items.wait(state).unwrap();
        }
        self.has_room.notify_one();
        state.items.pop_front()
    }

    fn pop_timeout(&self, timeout: Duration) -> Option<T> {
        let state = self.state.lock().unwrap();
        let (mut state, result) =
            self.has_items.wait_timeout_while(state, timeout, |s| s.items.is_empty()).unwrap();
        assert_eq!(result.timed_out(), state.items.is_empty());
        state.items.pop_front()
    }

    fn close(&self) {
        self.state.lock().unwrap().is_closed = true;
        self.has_items.notify_all();
    }
}

fn collatz_steps(start: u64) -> u64 {
    let mut steps = 0;
    let mut number = start;
    while number > 1 {
        number = if number.is_multiple_of(2) { number / 2 } else { 3 * number + 1 };
        steps += 1;
    }
    steps
}

static IDLE: Queue<u64> = Queue::new();

pub fn main() {
    let queue = Arc::new(Queue::new());
    let (results, collected) = mpsc::channel();
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (queue, results) = (Arc::clone(&queue), results.clone());
            thread::spawn(move || {
                let mut done = 0;
                while let Some(job) = queue.pop() {
                    if job % 100 == 0 {
                        thread::sleep(Duration::from_millis(1));
                    }
                    results.send((job, collatz_steps(job))).expect("somebody collects");
                    done += 1;
                }
                done
            })
        })
        .collect();
    drop(results);

    let producer = {
        let queue = Arc::clone(&queue);
        thread::spawn(move || {
            (1..=JOBS).for_each(|job| queue.push(job));
            crate::crowd::is_here(WORKERS);
            queue.close();
        })
    };
    let mut steps: Vec<(u64, u64)> = collected.iter().collect();
    producer.join().unwrap();
    let done: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    steps.sort_unstable();
    assert_eq!(steps.len(), done);
    let (start, most) = steps.iter().max_by_key(|(_, steps)| steps).expect("there were jobs");
    println!("{done} jobs, {} steps", steps.iter().map(|(_, steps)| steps).sum::<u64>());
    println!("the longest way has {most} steps, from {start}");
    let longest = queue.state.lock().unwrap().longest;
    println!("the queue was within its limit: {}", longest <= ROOM);

    let start = Instant::now();
    assert_eq!(IDLE.pop_timeout(Duration::from_millis(20)), None);
    println!("waited long enough: {}", start.elapsed() >= Duration::from_millis(20));
    IDLE.push(7);
    println!("then {:?}", IDLE.pop_timeout(Duration::from_secs(10)));
}
