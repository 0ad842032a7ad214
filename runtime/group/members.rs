//! Who belongs to a group, how many more there is room for, and who waits for either to change.
//!
//! A member is counted by a [`Membership`], which its closure holds.
//!
//! # Invariants
//!
//! 1. Each membership holds one slot, from before it is made until it is taken out of the table:
//!    by its end or by `discard`, whichever is first.
//! 2. While a slot is free, nobody waits for one.
//! 3. A member is signalled once, by whoever sets `is_signalled`, or, if its thread is not known
//!    then, by whoever makes it known.
//! 4. While a kill of all is under way every newcomer is born signalled.

use super::membership::{Body, Membership};
use super::panicked::{MemberPanicked, Watches};
use crate::park::Mutex;
use crate::park::{self, Ask, Line, Reason, Waited, Wakeups};
use crate::thread::{Builder, End, JoinHandle, Thread, ThreadId};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Instant;

static SLOT: Reason = Reason("Pool::spawn");
static EMPTY: Reason = Reason("Group::join");
static LEFT: Reason = Reason("Group::kill_one");

/// The members of a group or pool.
pub(super) struct Members {
    state: Mutex<State>,
}

struct State {
    /// Free slots; `None` if there is no limit.
    free: Option<usize>,
    next_key: u64,
    members: BTreeMap<u64, Member>,
    keys: HashMap<ThreadId, u64>,
    /// Kills of all that are under way.
    killers: usize,
    watches: Watches,
    for_slot: Line<Want>,
    for_empty: Line<()>,
    /// Granted to all whenever a member leaves.
    for_leaving: Line<()>,
}

struct Member {
    /// Not known until it has run, or its spawner has heard of it.
    thread: Option<Thread>,
    is_signalled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Take,
    /// To know that there is one.
    Look,
}

impl Members {
    pub(super) fn new(slots: Option<usize>) -> Arc<Members> {
        let state = State {
            free: slots,
            next_key: 0,
            members: BTreeMap::new(),
            keys: HashMap::new(),
            killers: 0,
            watches: Watches::new(),
            for_slot: Line::new(),
            for_empty: Line::new(),
            for_leaving: Line::new(),
        };
        Arc::new(Members { state: Mutex::new(state) })
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().members.len()
    }

    /// Free slots; `None` if there is no limit.
    pub(super) fn free(&self) -> Option<usize> {
        self.state.lock().free
    }

    pub(super) fn contains(&self, thread: ThreadId) -> bool {
        self.state.lock().keys.contains_key(&thread)
    }

    /// Those whose threads are known, in the order in which they came.
    pub(super) fn threads(&self) -> Vec<Thread> {
        self.state.lock().members.values().filter_map(|member| member.thread.clone()).collect()
    }

    /// Takes a slot, which is to be given to [`enter`](Members::enter).
    #[must_use]
    pub(super) fn try_slot(&self) -> bool {
        self.state.lock().take_slot()
    }

    /// Waits for a slot and takes it. False if there was none before the deadline.
    ///
    /// A slot that is granted to one who was killed in that moment is his: what he spawns gives it
    /// back.
    #[must_use]
    pub(super) fn slot(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        if state.take_slot() {
            return true;
        }
        let ask = Ask::new(&SLOT, deadline);
        let line = park::wait_in_line(&self.state, state, |s| &mut s.for_slot, Want::Take, ask);
        matches!(line, Waited::Granted(_))
    }

    /// Waits until there is a slot, and leaves it. False if there was none before the deadline.
    pub(super) fn see_slot(&self, deadline: Option<Instant>) -> bool {
        let state = self.state.lock();
        if state.free != Some(0) {
            return true;
        }
        let ask = Ask::new(&SLOT, deadline);
        let line = park::wait_in_line(&self.state, state, |s| &mut s.for_slot, Want::Look, ask);
        matches!(line, Waited::Granted(_))
    }

    /// Makes a member of whoever gets what is returned. The slot was taken before.
    pub(super) fn enter(self: &Arc<Members>) -> Membership {
        let mut state = self.state.lock();
        let key = state.next_key;
        state.next_key += 1;
        let is_signalled = state.killers > 0;
        state.members.insert(key, Member { thread: None, is_signalled });
        Membership::new(self.clone(), key)
    }

    /// Spawns a member. The slot was taken before, and is given back in any case.
    ///
    /// # Errors
    ///
    /// As `Builder::spawn`.
    #[track_caller]
    pub(super) fn spawn<F, T>(
        self: &Arc<Members>,
        builder: Builder,
        f: F,
    ) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let membership = self.enter();
        let key = membership.key();
        let body = Body::new(f, membership);
        let handle = builder.spawn(move || body.run())?;
        self.introduce(key, handle.thread());
        Ok(handle)
    }

    /// Makes a member of a green thread that was spawned elsewhere. False if it is one already.
    pub(super) fn add<T>(self: &Arc<Members>, handle: &JoinHandle<T>) -> bool {
        let thread = handle.thread().clone();
        let mut state = self.state.lock();
        let (key, is_signalled) = (state.next_key, state.killers > 0);
        if state.keys.contains_key(&thread.id()) {
            return false;
        }
        state.next_key += 1;
        state.keys.insert(thread.id(), key);
        state.members.insert(key, Member { thread: Some(thread.clone()), is_signalled });
        drop(state);
        let membership = Membership::new(self.clone(), key);
        handle.link(move |ended| match ended.end() {
            End::Panicked(message) => membership.end(Some(Arc::from(message.as_str()))),
            _ => membership.end(None),
        });
        if is_signalled {
            // It can be refused only if all kills are, which `signal_all` has told.
            let _ = thread.kill();
        }
        true
    }

    /// Tells which thread a member is, if it still is one.
    pub(super) fn introduce(&self, key: u64, thread: &Thread) {
        let mut state = self.state.lock();
        let Some(member) = state.members.get_mut(&key) else { return };
        if member.thread.is_some() {
            return;
        }
        member.thread = Some(thread.clone());
        let is_signalled = member.is_signalled;
        state.keys.insert(thread.id(), key);
        drop(state);
        if is_signalled {
            // It can be refused only if all kills are, which `signal_all` has told.
            let _ = thread.kill();
        }
    }

    /// Takes a member out, whether it has ended or not. False if it is none.
    pub(super) fn discard(&self, thread: ThreadId) -> bool {
        let key = self.state.lock().keys.get(&thread).copied();
        key.is_some_and(|key| self.remove(key, None))
    }

    /// Takes a member out of the table, once.
    pub(super) fn remove(&self, key: u64, panicked: Option<Arc<str>>) -> bool {
        let mut wakeups = Wakeups::new();
        let mut state = self.state.lock();
        let Some(member) = state.members.remove(&key) else { return false };
        if let Some(thread) = &member.thread {
            state.keys.remove(&thread.id());
            if let Some(message) = panicked {
                let panicked = MemberPanicked::new(thread.clone(), message);
                state.watches.tell(key, &panicked);
            }
        }
        state.free_slot(&mut wakeups);
        if state.members.is_empty() {
            while let Some(((), wakeup)) = state.for_empty.grant(|()| ()) {
                wakeups.push(wakeup);
            }
        }
        while let Some(((), wakeup)) = state.for_leaving.grant(|()| ()) {
            wakeups.push(wakeup);
        }
        drop(state);
        drop(wakeups);
        // After the lock: it may be the last that knows the thread.
        drop(member);
        true
    }

    /// Waits until there is no member, for a moment at least. False if the deadline has passed.
    pub(super) fn join(&self, deadline: Option<Instant>) -> bool {
        let state = self.state.lock();
        if state.members.is_empty() {
            return true;
        }
        let ask = Ask::new(&EMPTY, deadline);
        let line = park::wait_in_line(&self.state, state, |s| &mut s.for_empty, (), ask);
        matches!(line, Waited::Granted(()))
    }

    /// [`join`](Members::join), and tells the first of those who are members now to panic.
    pub(super) fn join_raising(&self, deadline: Option<Instant>) -> Result<bool, MemberPanicked> {
        let watching = Watching::new(self);
        let is_empty = self.join(deadline);
        watching.close().map_or(Ok(is_empty), Err)
    }

    /// Kills all members, and those that come meanwhile, until there is none.
    ///
    /// # Errors
    ///
    /// As `Thread::kill`.
    pub(super) fn kill(&self, deadline: Option<Instant>) -> io::Result<bool> {
        let _killing = Killing::new(self);
        self.signal_all()?;
        Ok(self.join(deadline))
    }

    /// Kills all members, and whoever will ever come. Never blocks.
    pub(super) fn kill_for_good(&self) {
        std::mem::forget(Killing::new(self));
        // Where it is refused, they go on until they end by themselves.
        let _ = self.signal_all();
    }

    fn signal_all(&self) -> io::Result<()> {
        let mut known = Vec::new();
        let mut state = self.state.lock();
        for member in state.members.values_mut().filter(|member| !member.is_signalled) {
            member.is_signalled = true;
            known.extend(member.thread.clone());
        }
        drop(state);
        known.iter().try_for_each(Thread::kill)
    }

    /// Kills one member, and waits until it is none. False if the deadline has passed, or if it was
    /// none before.
    ///
    /// # Errors
    ///
    /// As `Thread::kill`.
    pub(super) fn kill_one(&self, id: ThreadId, deadline: Option<Instant>) -> io::Result<bool> {
        let mut state = self.state.lock();
        let Some(key) = state.keys.get(&id).copied() else { return Ok(false) };
        let member = state.members.get_mut(&key);
        let fresh = member.filter(|member| !member.is_signalled);
        let thread = fresh.and_then(|member| {
            member.is_signalled = true;
            member.thread.clone()
        });
        drop(state);
        thread.as_ref().map_or(Ok(()), Thread::kill)?;
        loop {
            let state = self.state.lock();
            if !state.members.contains_key(&key) {
                return Ok(true);
            }
            let ask = Ask::new(&LEFT, deadline);
            match park::wait_in_line(&self.state, state, |s| &mut s.for_leaving, (), ask) {
                Waited::Granted(()) => {}
                Waited::TimedOut(()) => return Ok(false),
            }
        }
    }
}

impl State {
    fn take_slot(&mut self) -> bool {
        match &mut self.free {
            None => true,
            Some(0) => false,
            Some(free) => {
                *free -= 1;
                true
            }
        }
    }

    fn free_slot(&mut self, wakeups: &mut Wakeups) {
        let Some(free) = &mut self.free else { return };
        *free += 1;
        while *free > 0 {
            let Some((want, wakeup)) = self.for_slot.grant(|want| *want) else { return };
            wakeups.push(wakeup);
            *free -= usize::from(want == Want::Take);
        }
    }
}

/// Keeps a watch open.
struct Watching<'g> {
    members: &'g Members,
    number: u64,
}

impl<'g> Watching<'g> {
    fn new(members: &'g Members) -> Watching<'g> {
        let mut state = members.state.lock();
        // Keys and numbers of watches are one count: those that came before have lower ones.
        let number = state.next_key;
        state.next_key += 1;
        state.watches.open(number);
        Watching { members, number }
    }

    fn close(&self) -> Option<MemberPanicked> {
        self.members.state.lock().watches.close(self.number)
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

/// Keeps a kill of all under way.
struct Killing<'g>(&'g Members);

impl<'g> Killing<'g> {
    fn new(members: &'g Members) -> Killing<'g> {
        members.state.lock().killers += 1;
        Killing(members)
    }
}

impl Drop for Killing<'_> {
    fn drop(&mut self) {
        self.0.state.lock().killers -= 1;
    }
}
