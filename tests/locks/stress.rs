//! Lockers of all kinds at once, with timeouts and kills: nobody is let in twice, nobody is lost.

use crate::flavour::Watchdog;
use crate::random::Random;
use greenstd::sync::{Condvar, Mutex, RwLock};
use greenstd::{runtime, thread, time};
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What all of them lock.
#[derive(Default)]
struct Shared {
    mutex: Mutex<u64>,
    lock: RwLock<(u64, u64)>,
    /// Tokens, which are taken and given back one by one.
    tokens: Mutex<u64>,
    is_token: Condvar,
    /// Somebody is inside of the mutex; of the lock as a writer.
    inside: [AtomicBool; 2],
    /// Critical sections that were entered.
    entered: AtomicU64,
    is_over: AtomicBool,
}

/// Notes that somebody is inside, until he leaves, by whatever way.
struct Inside<'s>(&'s AtomicBool);

impl<'s> Inside<'s> {
    fn enter(flag: &'s AtomicBool) -> Inside<'s> {
        assert!(!flag.swap(true, Ordering::Relaxed), "two are inside at once");
        Inside(flag)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A token that was taken; goes back in the end.
struct Token<'s>(&'s Shared);

impl<'s> Token<'s> {
    /// Waits for a token.
    fn take(shared: &'s Shared) -> Token<'s> {
        let tokens = shared.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tokens = shared
            .is_token
            .wait_while(tokens, |tokens| *tokens == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *tokens -= 1;
        Token(shared)
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        // Whoever unwinds may not wait long: it keeps its worker. Nobody waits inside of this one.
        // And a kill that ended the wait for the lock would take the token along.
        let lock = || self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        *thread::shield(lock) += 1;
        self.0.is_token.notify_one();
    }
}

impl Shared {
    /// One turn, at one of the locks. May unwind, at any of its waits.
    fn turn(&self, random: &mut Random) {
        let pause = random.below(8);
        let wait = || match pause {
            0 => thread::sleep(Duration::from_micros(50)),
            1..4 => thread::yield_now(),
            _ => {}
        };
        match random.below(4) {
            0 => {
                let mut count = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
                let _inside = Inside::enter(&self.inside[0]);
                *count += 1;
                wait();
            }
            1 => {
                let mut pair = self.lock.write().unwrap_or_else(PoisonError::into_inner);
                let _inside = Inside::enter(&self.inside[1]);
                *pair = (pair.0 + 1, pair.0 + 1);
                wait();
            }
            2 => {
                let pair = self.lock.read().unwrap_or_else(PoisonError::into_inner);
                assert!(!self.inside[1].load(Ordering::Relaxed), "a writer among readers");
                let before = *pair;
                wait();
                assert_eq!(before, *pair);
            }
            _ => {
                let _token = Token::take(self);
                wait();
            }
        }
        self.entered.fetch_add(1, Ordering::Relaxed);
    }

    /// Turns until it is over, some with a limit that may end them anywhere.
    fn turns(&self, seed: u64) {
        let mut random = Random::new(seed);
        while !self.is_over.load(Ordering::Relaxed) {
            match random.below(4) {
                0 => {
                    let limit = Duration::from_micros(random.below(200));
                    let _ = time::timeout(limit, || self.turn(&mut random));
                }
                _ => self.turn(&mut random),
            }
        }
    }
}

const TOKENS: u64 = 2;

/// C38, C39, C43
#[test]
fn all_kinds_of_lockers_with_timeouts_and_kills_lose_nothing() {
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    let shared = Arc::new(Shared::default());
    *shared.tokens.lock().unwrap() = TOKENS;
    let spawn_turns = |random: &mut Random| {
        let (shared, seed) = (shared.clone(), random.next());
        move || shared.turns(seed)
    };
    let lasting = runtime::Builder::new().workers(2).build().unwrap();
    let green: Vec<_> = (0..8).map(|_| lasting.spawn(spawn_turns(&mut random))).collect();
    let os: Vec<_> = (0..3).map(|_| std::thread::spawn(spawn_turns(&mut random))).collect();
    // Green threads that are killed in the middle of it, one by one or with their runtime.
    for round in 0..20 {
        let killed = runtime::Builder::new().workers(1 + round % 2).build().unwrap();
        let victims: Vec<_> = (0..6).map(|_| killed.spawn(spawn_turns(&mut random))).collect();
        std::thread::sleep(Duration::from_millis(random.below(10)));
        for victim in &victims[..3] {
            victim.thread().kill().unwrap();
            std::thread::sleep(Duration::from_micros(random.below(2000)));
        }
        killed.shutdown();
        assert!(victims.into_iter().all(|victim| victim.join().is_err()));
    }
    let before = shared.entered.load(Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(50));
    shared.is_over.store(true, Ordering::Relaxed);
    green.into_iter().for_each(|thread| thread.join().unwrap());
    os.into_iter().for_each(|thread| thread.join().unwrap());
    lasting.shutdown();
    assert!(shared.entered.load(Ordering::Relaxed) > before, "those who were left went on");
    assert_eq!(*shared.tokens.lock().unwrap_or_else(PoisonError::into_inner), TOKENS);
    assert!(!matches!(shared.mutex.try_lock(), Err(std::sync::TryLockError::WouldBlock)));
    assert!(!matches!(shared.lock.try_write(), Err(std::sync::TryLockError::WouldBlock)));
}

/// C39, C43: a lock goes round among threads that are killed while they wait for it.
#[test]
fn a_notification_is_never_lost_on_the_dead() {
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    for round in 0..40 {
        let pair = Arc::new((Mutex::new((0_u64, 0_u64)), Condvar::new()));
        // Each signal is owed to one waiter; the living one takes all that the dead have not.
        let wait = |pair: &(Mutex<(u64, u64)>, Condvar)| {
            let signals = pair.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut signals = pair
                .1
                .wait_while(signals, |signals| signals.0 == signals.1)
                .unwrap_or_else(PoisonError::into_inner);
            signals.1 += 1;
        };
        let killed = runtime::Builder::new().workers(1 + round % 2).build().unwrap();
        let victims: Vec<_> = (0..4)
            .map(|_| {
                let pair = pair.clone();
                killed.spawn(move || {
                    loop {
                        wait(&pair);
                    }
                })
            })
            .collect();
        const SIGNALS: u64 = 50;
        let living = pair.clone();
        let living = thread::spawn(move || {
            let is_open = |signals: &(u64, u64)| signals.1 < SIGNALS;
            while is_open(&living.0.lock().unwrap_or_else(PoisonError::into_inner)) {
                let _ = time::timeout(Duration::from_millis(200), || wait(&living));
            }
        });
        for signal in 0..SIGNALS {
            pair.0.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
            pair.1.notify_one();
            if signal % 10 == random.below(10) {
                victims[random.below(4) as usize].thread().kill().unwrap();
            }
            if random.below(8) == 0 {
                thread::yield_now();
            }
        }
        killed.shutdown();
        living.join().unwrap();
    }
}
