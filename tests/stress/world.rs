//! What is conserved: tokens, permits and places; and the steps in which they change hands.

use crate::random::Random;
use greenstd::group::{Group, Pool};
use greenstd::queue::{LifoQueue, PriorityQueue, Queue};
use greenstd::sync::Semaphore;
use greenstd::{thread, time};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TOKENS: usize = 12;
const PERMITS: usize = 3;
const PLACES: usize = 4;

/// Everything that a run is about.
pub struct World {
    first: Queue<Token>,
    second: LifoQueue<Token>,
    third: PriorityQueue<Token>,
    /// Tokens whose holders were ended. Whoever comes by puts them back.
    lost: Arc<Mutex<Vec<usize>>>,
    semaphore: Semaphore,
    inside: AtomicUsize,
    pub pool: Pool,
    pub group: Group,
    pub is_over: AtomicBool,
    pub steps: AtomicUsize,
}

/// One of a few things that exist once each. Dropped, it turns up among the lost.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Token {
    number: usize,
    lost: Lost,
}

/// Of all tokens the same, so that tokens compare by number.
struct Lost(Arc<Mutex<Vec<usize>>>);

impl PartialEq for Lost {
    fn eq(&self, _: &Lost) -> bool {
        true
    }
}
impl Eq for Lost {}
impl PartialOrd for Lost {
    fn partial_cmp(&self, other: &Lost) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Lost {
    fn cmp(&self, _: &Lost) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.lost.0.lock().unwrap().push(self.number);
    }
}

/// A permit of the semaphore, given back in any case.
struct Permit<'w>(&'w World);

impl<'w> Permit<'w> {
    fn new(world: &'w World) -> Permit<'w> {
        world.semaphore.acquire();
        let permit = Permit(world);
        let inside = world.inside.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(inside <= PERMITS, "{inside} threads have one of {PERMITS} permits");
        permit
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
        self.0.semaphore.release();
    }
}

impl World {
    pub fn new() -> World {
        World {
            first: Queue::bounded(TOKENS / 3),
            second: LifoQueue::bounded(TOKENS / 3),
            third: PriorityQueue::bounded(TOKENS / 3),
            lost: Arc::new(Mutex::new((0..TOKENS).collect())),
            semaphore: Semaphore::new(PERMITS),
            inside: AtomicUsize::new(0),
            pool: Pool::new(PLACES),
            group: Group::new(),
            is_over: AtomicBool::new(false),
            steps: AtomicUsize::new(0),
        }
    }

    /// Takes steps until the world is over. Every wait inside is limited, so it ends.
    pub fn live(self: &Arc<World>, mut random: Random) {
        while !self.is_over.load(Ordering::SeqCst) {
            let short = Duration::from_micros(50 + random.below(1500));
            let _ = time::timeout(short, || self.step(&mut random));
            self.steps.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn step(self: &Arc<World>, random: &mut Random) {
        let short = Duration::from_micros(random.below(500));
        let (world, mut inner) = (self.clone(), random.fork());
        let job = move || world.hand_on(&mut inner);
        match random.below(8) {
            0 => {
                let _ = self.pool.spawn(job).join();
            }
            1 => {
                if let Ok(member) = self.pool.spawn_timeout(short, job) {
                    member.thread().kill().unwrap();
                }
            }
            2 => drop(self.pool.try_spawn(job)),
            3 => drop(self.group.spawn(job)),
            4 => {
                let member = self.group.spawn(job);
                thread::sleep(short);
                self.group.kill_one(member.thread(), short).unwrap();
            }
            5 => {
                self.pool.join(short);
                self.pool.wait_available(short);
                self.group.join(short);
            }
            _ => self.hand_on(random),
        }
    }

    /// Takes a token from one queue to another, with or without a permit, and waits on the way.
    fn hand_on(&self, random: &mut Random) {
        let permit = (random.below(2) == 0).then(|| Permit::new(self));
        let short = Duration::from_micros(random.below(500));
        let found = self.lost.lock().unwrap().pop();
        let token = match (found, random.below(5)) {
            (Some(number), _) => Some(Token { number, lost: Lost(self.lost.clone()) }),
            (None, 0) => self.first.get().ok(),
            (None, 1) => self.second.get_timeout(short).ok(),
            (None, 2) => self.second.try_get().ok(),
            (None, 3) => self.third.get().ok(),
            (None, _) => self.third.get_timeout(short).ok(),
        };
        if random.below(3) == 0 {
            thread::sleep(short);
        }
        let Some(token) = token else { return };
        // What comes back is dropped, and so it is lost until somebody finds it.
        match random.below(5) {
            0 => drop(self.first.put(token)),
            1 => drop(self.first.try_put(token)),
            2 => drop(self.second.put_timeout(token, short)),
            3 => drop(self.third.put(token)),
            _ => drop(self.third.put_timeout(token, short)),
        }
        drop(permit);
    }

    /// Looks for everything, after all who were there have ended.
    pub fn audit(&self) {
        let queues = [self.first.len(), self.second.len(), self.third.len()];
        assert!(queues.iter().all(|&length| length <= TOKENS / 3), "too full: {queues:?}");
        while let Ok(token) = self.first.try_get() {
            drop(token);
        }
        while let Ok(token) = self.second.try_get() {
            drop(token);
        }
        while let Ok(token) = self.third.try_get() {
            drop(token);
        }
        let mut tokens = mem::take(&mut *self.lost.lock().unwrap());
        tokens.sort_unstable();
        assert!(tokens.iter().copied().eq(0..TOKENS), "the tokens are {tokens:?}");
        for _ in 0..PERMITS {
            assert!(self.semaphore.try_acquire(), "a permit was lost");
        }
        assert!(!self.semaphore.try_acquire(), "a permit was made");
        assert_eq!(self.inside.load(Ordering::SeqCst), 0);
        assert_eq!((self.pool.len(), self.pool.free_count()), (0, Some(PLACES)));
        assert_eq!(self.group.len(), 0);
    }
}
