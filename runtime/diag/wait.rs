//! What a green thread waits for.

use crate::engine::{Interest, Sighting};
use crate::thread::ThreadId;
use std::collections::HashMap;
use std::os::fd::RawFd;

/// What a parked green thread waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// For descriptors to become ready: one, unless it is in a `poll`.
    Descriptor {
        /// Those descriptors.
        descriptors: Vec<Descriptor>,
    },
    /// For a time.
    Timer,
    /// For a lock.
    #[non_exhaustive]
    Lock {
        /// The call, such as `Mutex::lock`.
        call: &'static str,
        /// Who holds it. None if nobody did just then, if it was readers of a `RwLock`, or an OS
        /// thread that has never met the runtime.
        holder: Option<Holder>,
    },
    /// For the other side of a channel.
    #[non_exhaustive]
    Channel {
        /// The call, such as `Receiver::recv`.
        call: &'static str,
    },
    /// For the end of another green thread, or of several.
    #[non_exhaustive]
    Join {
        /// The call, such as `JoinHandle::join`.
        call: &'static str,
        /// The one, if it is one.
        thread: Option<ThreadId>,
    },
    /// For a job on an OS thread of a pool.
    #[non_exhaustive]
    Job {
        /// The call, such as `BlockingPool::run`.
        call: &'static str,
    },
    /// For the first of several things.
    #[non_exhaustive]
    Select {
        /// The calls that they stand for, the first eight of them.
        arms: Vec<&'static str>,
        /// How many there are.
        count: usize,
        /// The descriptors among them.
        descriptors: Vec<Descriptor>,
    },
    /// For something else that has a name: an event, a semaphore, a barrier.
    #[non_exhaustive]
    Other {
        /// The call, such as `Semaphore::acquire`.
        call: &'static str,
    },
    /// For an [`unpark`](crate::park::Unparker::unpark), by something that says no more.
    Unnamed,
}

/// A descriptor that a green thread waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Descriptor {
    fd: RawFd,
    interest: Interest,
    local: Option<String>,
    peer: Option<String>,
    file: Option<String>,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    id: ThreadId,
    name: Option<String>,
}

/// The types whose calls are of one kind, by the beginning of their names.
const LOCKS: [&str; 2] = ["Mutex::", "RwLock::"];
const CHANNELS: [&str; 2] = ["Sender::", "Receiver::"];
const JOINS: [&str; 6] = [
    "JoinHandle::",
    "join_all",
    "thread::scope",
    "wait_idle",
    "Group::",
    "the end of a green thread",
];
const JOBS: [&str; 2] = ["BlockingPool::", "JobHandle::"];

impl Wait {
    pub(super) fn new(sight: &Sighting) -> Wait {
        let descriptors = sight.descriptors.iter().map(Descriptor::new);
        let Some(call) = sight.call else {
            return match (sight.descriptors.is_empty(), sight.time_left) {
                (false, _) => Wait::Descriptor { descriptors: descriptors.collect() },
                (true, Some(_)) => Wait::Timer,
                (true, None) => Wait::Unnamed,
            };
        };
        let is_of = |kind: &[&str]| kind.iter().any(|prefix| call.starts_with(prefix));
        if sight.is_for_lock || is_of(&LOCKS) {
            let holder = sight.holder.map(|id| Holder { id, name: None });
            Wait::Lock { call, holder }
        } else if is_of(&CHANNELS) {
            Wait::Channel { call }
        } else if is_of(&JOINS) {
            Wait::Join { call, thread: sight.target }
        } else if is_of(&JOBS) {
            Wait::Job { call }
        } else if sight.arm_count > 0 {
            let (arms, count) = (sight.arms.clone(), sight.arm_count);
            Wait::Select { arms, count, descriptors: descriptors.collect() }
        } else if call == "thread::sleep" {
            Wait::Timer
        } else {
            Wait::Other { call }
        }
    }

    /// The kind of wait in one word, as JSON has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Wait::Descriptor { .. } => "descriptor",
            Wait::Timer => "timer",
            Wait::Lock { .. } => "lock",
            Wait::Channel { .. } => "channel",
            Wait::Join { .. } => "join",
            Wait::Job { .. } => "job",
            Wait::Select { .. } => "select",
            Wait::Other { .. } => "other",
            Wait::Unnamed => "unnamed",
        }
    }

    /// The call in which it waits.
    #[must_use]
    pub fn call(&self) -> &'static str {
        match self {
            Wait::Lock { call, .. }
            | Wait::Channel { call }
            | Wait::Join { call, .. }
            | Wait::Job { call }
            | Wait::Other { call } => call,
            Wait::Descriptor { descriptors } => match descriptors.first() {
                Some(Descriptor { interest: Interest::Write, .. }) => "write",
                _ => "read",
            },
            Wait::Timer => "sleep",
            Wait::Select { .. } => "select",
            Wait::Unnamed => "park",
        }
    }

    /// The descriptors for which it waits.
    #[must_use]
    pub fn descriptors(&self) -> &[Descriptor] {
        match self {
            Wait::Descriptor { descriptors } | Wait::Select { descriptors, .. } => descriptors,
            _ => &[],
        }
    }
}

impl Descriptor {
    fn new(seen: &crate::engine::Descriptor) -> Descriptor {
        let crate::engine::Descriptor { fd, interest, local, peer, file } = seen.clone();
        Descriptor { fd, interest, local, peer, file }
    }

    /// Its number.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.fd
    }

    /// The direction.
    #[must_use]
    pub fn interest(&self) -> Interest {
        self.interest
    }

    /// The address of the socket itself, if it is one.
    #[must_use]
    pub fn local(&self) -> Option<&str> {
        self.local.as_deref()
    }

    /// The address of its peer, if it is a socket that has one.
    #[must_use]
    pub fn peer(&self) -> Option<&str> {
        self.peer.as_deref()
    }

    /// What it is, if it is no socket, as the kernel says it: `pipe:[4711]`.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }
}

impl Holder {
    pub(super) fn add_name(&mut self, names: &HashMap<u64, Option<String>>) {
        self.name = names.get(&self.id.number()).cloned().flatten();
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// The number that is its id.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.id.number()
    }

    /// Its name, if it is a green thread that has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}
