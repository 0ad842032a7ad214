//! One resource, or the place for one, on its way between the pool and its holder.
//!
//! Each of these values owes something to the pool, and pays when it is dropped: on the stack of
//! whoever asks, in a guard, in the closure of a job that runs or never will, in its result that
//! nobody takes.

use super::manage::Manage;
use super::shared::Shared;
use super::state::{Entry, Turn};
use crate::time;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A place that is taken, until this is dropped.
pub(super) struct Place<M: Manage> {
    shared: Arc<Shared<M>>,
    is_passed_on: bool,
    /// Whether it counts as one whose resource nobody will have any more.
    is_doomed: bool,
}

/// A resource in its place. The order of the fields is that in which they go.
pub(super) struct Occupant<M: Manage> {
    pub(super) entry: Entry<M::Resource>,
    place: Place<M>,
}

/// What somebody has got of a pool, who gives it back by dropping this.
pub(super) struct Lease<M: Manage> {
    holding: Holding<M>,
    fate: Fate,
}

/// What becomes of the resource of a lease that is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The next one gets it.
    Return,
    /// Nobody gets it: it may have been left half way through something.
    Discard,
}

enum Holding<M: Manage> {
    Nothing,
    Place(Place<M>),
    Resource(Occupant<M>),
}

impl<M: Manage> Place<M> {
    fn new(shared: &Arc<Shared<M>>) -> Place<M> {
        Place { shared: shared.clone(), is_passed_on: false, is_doomed: false }
    }
}

impl<M: Manage> Drop for Place<M> {
    fn drop(&mut self) {
        if !self.is_passed_on {
            self.shared.vacate(self.is_doomed);
        }
    }
}

impl<M: Manage> Occupant<M> {
    /// One that was among the idle.
    pub(super) fn new(shared: &Arc<Shared<M>>, entry: Entry<M::Resource>) -> Occupant<M> {
        Occupant { entry, place: Place::new(shared) }
    }

    /// Says that nobody will have the resource any more. False if that was said before.
    pub(super) fn doom(&mut self) -> bool {
        !mem::replace(&mut self.place.is_doomed, true)
    }

    /// The resource, which takes its place along: to those who are idle, or who wait.
    pub(super) fn into_entry(self) -> Entry<M::Resource> {
        let Occupant { entry, mut place } = self;
        place.is_passed_on = true;
        entry
    }

    /// Drops the resource. Its place stays taken, for another one.
    fn leave(self) -> Place<M> {
        let Occupant { entry, place } = self;
        drop(entry);
        place
    }
}

impl<M: Manage> Lease<M> {
    /// None if there was nothing to be had.
    pub(super) fn of(shared: &Arc<Shared<M>>, turn: Turn<M::Resource>) -> Option<Lease<M>> {
        let holding = match turn {
            Turn::Idle(entry) => Holding::Resource(Occupant::new(shared, entry)),
            Turn::Place => Holding::Place(Place::new(shared)),
            Turn::None | Turn::Closed => return None,
        };
        Some(Lease { holding, fate: Fate::Return })
    }

    pub(super) fn resource(&self) -> Option<&M::Resource> {
        match &self.holding {
            Holding::Resource(occupant) => Some(&occupant.entry.resource),
            _ => None,
        }
    }

    pub(super) fn resource_mut(&mut self) -> Option<&mut M::Resource> {
        match &mut self.holding {
            Holding::Resource(occupant) => Some(&mut occupant.entry.resource),
            _ => None,
        }
    }

    /// The pool, as long as there is something to be given back.
    fn shared(&self) -> Option<&Arc<Shared<M>>> {
        match &self.holding {
            Holding::Nothing => None,
            Holding::Place(place) => Some(&place.shared),
            Holding::Resource(occupant) => Some(&occupant.place.shared),
        }
    }

    /// Whether the resource may be used as it is.
    pub(super) fn is_ready(&self) -> bool {
        let Holding::Resource(Occupant { entry, place }) = &self.holding else { return false };
        let (settings, now) = (&place.shared.settings, time::now());
        !settings.is_too_old(entry, now) && !settings.is_to_be_checked(entry, now)
    }

    /// Checks the resource, or makes one. May block. Whatever ends this, what is in hand goes with
    /// the stack.
    pub(super) fn into_ready(mut self) -> Result<Lease<M>, M::Error> {
        let place = match mem::replace(&mut self.holding, Holding::Nothing) {
            Holding::Resource(mut occupant) => {
                if occupant.is_good() {
                    self.holding = Holding::Resource(occupant);
                    return Ok(self);
                }
                occupant.leave()
            }
            Holding::Place(place) => place,
            Holding::Nothing => unreachable!("a lease that has nothing is given to nobody"),
        };
        let resource = place.shared.manager.create()?;
        place.shared.created.fetch_add(1, Ordering::Relaxed);
        let now = time::now();
        let entry = Entry { resource, made_at: now, back_since: now };
        self.holding = Holding::Resource(Occupant { entry, place });
        Ok(self)
    }

    /// Calls `f` with the resource, where it may block. If the caller unwinds meanwhile, what
    /// becomes of the resource, once `f` has returned or because it will never be called, is said
    /// by `if_abandoned`. If `f` panics it is dropped.
    #[track_caller]
    pub(super) fn run<F, T>(mut self, if_abandoned: Fate, f: F) -> (Lease<M>, T)
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        let threads = self.shared().and_then(|shared| shared.threads.clone());
        self.fate = if_abandoned;
        let (mut lease, value) = match threads {
            Some(threads) => threads.run(move || self.call(f)),
            None => self.call(f),
        };
        lease.fate = Fate::Return;
        (lease, value)
    }

    fn call<T>(mut self, f: impl FnOnce(&mut M::Resource) -> T) -> (Lease<M>, T) {
        let afterwards = mem::replace(&mut self.fate, Fate::Discard);
        let value = f(self.resource_mut().expect("only a lease with a resource is used"));
        self.fate = afterwards;
        (self, value)
    }

    pub(super) fn discard(mut self) {
        self.fate = Fate::Discard;
    }
}

impl<M: Manage> Drop for Lease<M> {
    fn drop(&mut self) {
        let Holding::Resource(occupant) = mem::replace(&mut self.holding, Holding::Nothing) else {
            return;
        };
        let shared = occupant.place.shared.clone();
        match self.fate {
            Fate::Return => shared.take_back(occupant),
            Fate::Discard => shared.dispose(vec![occupant]),
        }
    }
}

impl<M: Manage> Occupant<M> {
    /// Whether it may be lent, perhaps after a check.
    fn is_good(&mut self) -> bool {
        let (shared, now) = (&self.place.shared, time::now());
        if shared.settings.is_too_old(&self.entry, now) {
            return false;
        }
        !shared.settings.is_to_be_checked(&self.entry, now)
            || shared.manager.check(&mut self.entry.resource).is_ok()
    }
}
