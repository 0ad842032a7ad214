//! Where tokens rest and change hands: queues, channels of each kind, and shelves under locks.

use crate::random::Random;
use crate::world::Token;
use greenstd::queue::{LifoQueue, PriorityQueue, Queue};
use greenstd::sync::{Condvar, Mutex, MutexGuard, RwLock, mpsc};
use greenstd::{channel, select, thread};
use std::sync::PoisonError;
use std::time::Duration;

/// Less than there are tokens in all stations together, so that putting blocks now and then.
const ROOM: usize = 3;

pub struct Stations {
    queue: Queue<Token>,
    stack: LifoQueue<Token>,
    order: PriorityQueue<Token>,
    rendezvous: Channel,
    bounded: Channel,
    unbounded: Channel,
    std_bounded: (mpsc::SyncSender<Token>, Mutex<mpsc::Receiver<Token>>),
    std_unbounded: (mpsc::Sender<Token>, Mutex<mpsc::Receiver<Token>>),
    shelf: (Mutex<Vec<Token>>, Condvar),
    shared: RwLock<Vec<Token>>,
}

type Channel = (channel::Sender<Token>, channel::Receiver<Token>);

/// One way for a token to go. Both ends block until it has gone.
pub struct Route {
    pub name: &'static str,
    pub put: fn(&Stations, Token),
    pub take: fn(&Stations) -> Token,
}

/// Every kind of station, and every kind of wait at it.
pub const ROUTES: &[Route] = &[
    Route { name: "queue", put: |s, t| s.queue.put(t).unwrap(), take: |s| s.queue.get().unwrap() },
    Route { name: "stack", put: |s, t| s.stack.put(t).unwrap(), take: |s| s.stack.get().unwrap() },
    Route { name: "order", put: |s, t| s.order.put(t).unwrap(), take: |s| s.order.get().unwrap() },
    Route {
        name: "rendezvous",
        put: |s, t| s.rendezvous.0.send(t).unwrap(),
        take: |s| s.rendezvous.1.recv().unwrap(),
    },
    Route {
        name: "bounded",
        put: |s, t| s.bounded.0.send(t).unwrap(),
        take: |s| s.bounded.1.recv().unwrap(),
    },
    Route {
        name: "unbounded",
        put: |s, t| s.unbounded.0.send(t).unwrap(),
        take: |s| s.unbounded.1.recv().unwrap(),
    },
    Route {
        name: "std_bounded",
        put: |s, t| s.std_bounded.0.send(t).unwrap(),
        take: |s| locked(&s.std_bounded.1).recv().unwrap(),
    },
    Route {
        name: "std_unbounded",
        put: |s, t| s.std_unbounded.0.send(t).unwrap(),
        take: |s| locked(&s.std_unbounded.1).recv().unwrap(),
    },
    Route { name: "shelf", put: |s, t| s.shelve(t), take: Stations::unshelve },
    Route {
        name: "select",
        put: |s, t| {
            select! {
                send(s.rendezvous.0, t) -> sent => sent.unwrap(),
                recv(channel::never::<()>()) => unreachable!("nothing is sent there"),
            }
        },
        take: |s| {
            select! {
                recv(s.rendezvous.1) -> token => token.unwrap(),
                recv(s.bounded.1) -> token => token.unwrap(),
                recv(s.unbounded.1) -> token => token.unwrap(),
            }
        },
    },
];

impl Stations {
    pub fn new() -> Stations {
        let (std_bounded, std_unbounded) = (mpsc::sync_channel(ROOM), mpsc::channel());
        Stations {
            queue: Queue::bounded(ROOM),
            stack: LifoQueue::bounded(ROOM),
            order: PriorityQueue::bounded(ROOM),
            rendezvous: channel::rendezvous(),
            bounded: channel::bounded(ROOM),
            unbounded: channel::unbounded(),
            std_bounded: (std_bounded.0, Mutex::new(std_bounded.1)),
            std_unbounded: (std_unbounded.0, Mutex::new(std_unbounded.1)),
            shelf: (Mutex::new(Vec::new()), Condvar::new()),
            shared: RwLock::new(Vec::new()),
        }
    }

    /// Puts a token somewhere. One that is not accepted in time is dropped.
    pub fn put(&self, token: Token, random: &mut Random) {
        let short = Duration::from_micros(random.below(500));
        match random.below(20) {
            0 => drop(self.queue.try_put(token)),
            1 => drop(self.stack.put_timeout(token, short)),
            2 => drop(self.order.put_timeout(token, short)),
            3 => drop(self.rendezvous.0.send_timeout(token, short)),
            4 => drop(self.rendezvous.0.try_send(token)),
            5 => drop(self.bounded.0.send_timeout(token, short)),
            6 => drop(self.std_bounded.0.try_send(token)),
            7 => {
                let mut token = Some(token);
                select! {
                    send_from(self.bounded.0, token) -> sent => sent.unwrap(),
                    recv(self.rendezvous.1) -> other => drop(other.unwrap()),
                    default(short) => self.unbounded.0.send(token.take().unwrap()).unwrap(),
                }
            }
            8 => {
                // Sends one and takes another, whichever goes first.
                let other = select! {
                    send(self.rendezvous.0, token) -> sent => sent.map_or(None, |()| None),
                    recv(self.rendezvous.1) -> token => token.ok(),
                    recv(self.unbounded.1) -> token => token.ok(),
                    default(short) => None,
                };
                drop(other);
            }
            9 => {
                let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
                shared.push(token);
                if random.below(2) == 0 {
                    thread::sleep(short);
                }
            }
            other => (ROUTES[other as usize % ROUTES.len()].put)(self, token),
        }
    }

    /// Takes a token from somewhere.
    pub fn take(&self, random: &mut Random) -> Option<Token> {
        let short = Duration::from_micros(random.below(500));
        match random.below(20) {
            0 => self.queue.get_timeout(short).ok(),
            1 => self.stack.try_get().ok(),
            2 => self.order.get_timeout(short).ok(),
            3 => self.rendezvous.1.recv_timeout(short).ok(),
            4 => self.bounded.1.recv_timeout(short).ok(),
            5 => self.unbounded.1.try_recv().ok(),
            6 => locked(&self.std_bounded.1).recv_timeout(short).ok(),
            7 => select! {
                recv(self.bounded.1) -> token => token.ok(),
                recv(self.rendezvous.1) -> token => token.ok(),
                recv(self.unbounded.1) -> token => token.ok(),
                default(short) => None,
            },
            8 => {
                let (shelf, filled) = &self.shelf;
                let shelf = filled.wait_timeout_while(locked(shelf), short, |s| s.is_empty());
                shelf.unwrap_or_else(PoisonError::into_inner).0.pop()
            }
            9 => {
                let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
                if shared.is_empty() && random.below(2) == 0 {
                    thread::sleep(short);
                }
                drop(shared);
                self.shared.write().unwrap_or_else(PoisonError::into_inner).pop()
            }
            other => Some((ROUTES[other as usize % ROUTES.len()].take)(self)),
        }
    }

    /// Drops all tokens that rest here, after looking whether there are too many; nobody waits.
    pub fn clear(&self) {
        let lengths = [self.queue.len(), self.stack.len(), self.order.len(), self.bounded.1.len()];
        assert!(lengths.iter().all(|&length| length <= ROOM), "too full: {lengths:?}");
        assert_eq!(self.rendezvous.1.len(), 0);
        while self.queue.try_get().is_ok() {}
        while self.stack.try_get().is_ok() {}
        while self.order.try_get().is_ok() {}
        for (_, receiver) in [&self.rendezvous, &self.bounded, &self.unbounded] {
            while receiver.try_recv().is_ok() {}
        }
        for receiver in [&self.std_bounded.1, &self.std_unbounded.1] {
            let receiver = free(receiver.try_lock());
            while receiver.try_recv().is_ok() {}
        }
        free(self.shelf.0.try_lock()).clear();
        free(self.shared.try_write()).clear();
    }

    fn shelve(&self, token: Token) {
        locked(&self.shelf.0).push(token);
        self.shelf.1.notify_one();
    }

    fn unshelve(&self) -> Token {
        let shelf = self.shelf.1.wait_while(locked(&self.shelf.0), |shelf| shelf.is_empty());
        shelf.unwrap_or_else(PoisonError::into_inner).pop().expect("it is not empty")
    }
}

/// Locks past the poison that a kill leaves.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `try_lock` gives of a lock that nobody holds any more.
pub fn free<G>(tried: greenstd::sync::TryLockResult<G>) -> G {
    use greenstd::sync::TryLockError::{Poisoned, WouldBlock};
    match tried {
        Ok(guard) => guard,
        Err(Poisoned(error)) => error.into_inner(),
        Err(WouldBlock) => panic!("a lock is held, by nobody"),
    }
}
