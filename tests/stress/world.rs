//! What is conserved: tokens, permits, locks and places; and the steps in which they change hands.

use crate::locks::Locks;
use crate::random::Random;
use crate::stations::{ROUTES, Stations};
use greenstd::group::{Group, Pool};
use greenstd::sync::{AsyncResult, OnceLock};
use greenstd::thread::{self, JoinHandle};
use greenstd::time;
use std::cmp::Ordering as Compared;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TOKENS: usize = 12;
const PLACES: usize = 4;

/// Everything that a run is about.
pub struct World {
    stations: Stations,
    locks: Locks,
    /// Tokens whose holders were ended. Whoever comes by puts them back.
    lost: Arc<Mutex<Vec<usize>>>,
    pub pool: Pool,
    pub group: Group,
    pub is_over: AtomicBool,
    pub steps: AtomicUsize,
}

/// One of a few things that exist once each. Dropped, it turns up among the lost.
pub struct Token {
    number: usize,
    lost: Arc<Mutex<Vec<usize>>>,
}

impl PartialEq for Token {
    fn eq(&self, other: &Token) -> bool {
        self.number == other.number
    }
}

impl Eq for Token {}

impl PartialOrd for Token {
    fn partial_cmp(&self, other: &Token) -> Option<Compared> {
        Some(self.cmp(other))
    }
}

impl Ord for Token {
    fn cmp(&self, other: &Token) -> Compared {
        self.number.cmp(&other.number)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.lost.lock().unwrap().push(self.number);
    }
}

impl World {
    pub fn new() -> World {
        World {
            stations: Stations::new(),
            locks: Locks::new(),
            lost: Arc::new(Mutex::new((0..TOKENS).collect())),
            pool: Pool::new(PLACES),
            group: Group::new(),
            is_over: AtomicBool::new(false),
            steps: AtomicUsize::new(0),
        }
    }

    /// Takes steps until the world is over. Each wait inside is limited, or ends by itself.
    pub fn live(self: &Arc<World>, mut random: Random) {
        while !self.is_over.load(Ordering::SeqCst) {
            if random.below(6) == 0 {
                self.locks.hold(&mut random);
            } else {
                let short = Duration::from_micros(50 + random.below(1500));
                let _ = time::timeout(short, || self.step(&mut random));
            }
            self.steps.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn step(self: &Arc<World>, random: &mut Random) {
        let short = Duration::from_micros(random.below(500));
        let (world, mut inner) = (self.clone(), random.fork());
        let job = move || world.hand_on(&mut inner);
        match random.below(12) {
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
            6 => self.join(self.group.spawn(job), random),
            7 => self.publish(random),
            8 => self.locks.hold(random),
            _ => self.hand_on(random),
        }
    }

    /// Takes a token from one station to another, with or without a permit, and waits on the way.
    fn hand_on(&self, random: &mut Random) {
        let permit = (random.below(3) == 0).then(|| self.locks.permit(random));
        let found = self.lost.lock().unwrap().pop();
        let token = match found {
            Some(number) => Some(Token { number, lost: self.lost.clone() }),
            None => self.stations.take(random),
        };
        if random.below(3) == 0 {
            thread::sleep(Duration::from_micros(random.below(500)));
        }
        if let Some(token) = token {
            self.stations.put(token, random);
        }
        drop(permit);
    }

    /// Waits for the end of a thread in one of the ways to do that, some of which end it.
    fn join(&self, member: JoinHandle<()>, random: &mut Random) {
        let short = Duration::from_micros(random.below(500));
        match random.below(5) {
            0 => drop(member.join()),
            1 => drop(member.share().get_timeout(short).map(|outcome| outcome.is_ok())),
            2 => drop(thread::join_all([member]).timeout(short).wait()),
            3 => {
                let has_ended = member.kill_and_wait(short).unwrap();
                assert!(!has_ended || member.is_finished());
            }
            _ => {
                let _ = member.wait(short);
            }
        }
    }

    /// One sets what several wait for: each who is not ended finds it.
    fn publish(&self, random: &mut Random) {
        let (result, once) = (Arc::new(AsyncResult::<_>::new()), Arc::new(OnceLock::new()));
        let readers = [(); 3].map(|()| {
            let (result, once) = (result.clone(), once.clone());
            self.group.spawn(move || {
                assert_eq!(result.get().ok(), Some(&7));
                assert_eq!(*once.get_or_init(|| 8), 8);
            })
        });
        if random.below(2) == 0 {
            readers[random.below(3) as usize].kill().unwrap();
        }
        // The readers wait for it whatever becomes of this thread.
        let setter = self.group.spawn(move || {
            once.get_or_init(|| {
                thread::yield_now();
                8
            });
            result.set(7).unwrap();
        });
        drop(setter);
        for reader in readers {
            if let Err(payload) = reader.join() {
                assert!(payload.is::<thread::Killed>());
            }
        }
    }

    /// Every station works as if nobody had ever been killed there: as many as wait are served,
    /// without any limit that would hide a lost wake-up.
    pub fn exchange(self: &Arc<World>) {
        self.stations.clear();
        for route in ROUTES {
            let take = || {
                let world = self.clone();
                move || drop((route.take)(&world.stations))
            };
            let numbers = mem::take(&mut *self.lost.lock().unwrap());
            println!("{} is given {} tokens", route.name, numbers.len());
            let plain: Vec<_> = (0..2).map(|_| std::thread::spawn(take())).collect();
            let green: Vec<_> = (2..TOKENS).map(|_| thread::spawn(take())).collect();
            for number in numbers {
                (route.put)(&self.stations, Token { number, lost: self.lost.clone() });
            }
            green.into_iter().for_each(|taker| taker.join().unwrap());
            while !plain.iter().all(std::thread::JoinHandle::is_finished) {
                thread::sleep(Duration::from_micros(100));
            }
            plain.into_iter().for_each(|taker| taker.join().unwrap());
        }
    }

    /// Looks for everything, after all who were there have ended.
    pub fn audit(&self) {
        self.stations.clear();
        let mut tokens = mem::take(&mut *self.lost.lock().unwrap());
        tokens.sort_unstable();
        assert!(tokens.iter().copied().eq(0..TOKENS), "the tokens are {tokens:?}");
        *self.lost.lock().unwrap() = tokens;
        self.locks.audit();
        assert_eq!((self.pool.len(), self.pool.free_count()), (0, Some(PLACES)));
        assert_eq!(self.group.len(), 0);
    }
}
