//! What is asked of a descriptor in a poller, how often it is told, and what has been told.

use rustix::event::epoll;
use std::fmt;
use std::num::NonZeroUsize;

/// The key that no descriptor may have: the notification's.
pub(super) const NOTIFICATION: usize = usize::MAX;

/// Events that one wait takes, unless it was said otherwise; the others stay for the next one.
const CAPACITY: usize = 1024;

/// What is asked of a descriptor in a [`Poller`](super::Poller), or has been told of it.
///
/// Errors and hang-ups are told unasked. They make both `readable` and `writable` true, as a call
/// in either direction would not block then; [`is_error`](Event::is_error) and
/// [`is_hangup`](Event::is_hangup) tell them apart.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::poller::Event;
///
/// let event = Event::readable(7);
/// assert_eq!((event.key, event.readable, event.writable), (7, true, false));
/// assert_eq!(event, Event::new(7, true, false));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The caller's name for the descriptor: any number but `usize::MAX`.
    pub key: usize,
    /// There is something to read, or the end of the stream.
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
    more: epoll::EventFlags,
}

/// How often a descriptor in a [`Poller`](super::Poller) is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum PollMode {
    /// Once; then not before [`modify`](super::Poller::modify) asks again.
    #[default]
    Oneshot,
    /// Each time as long as it holds.
    Level,
    /// Each time that it comes anew: who is told has to go on until a call would block.
    Edge,
    /// Once, for what comes anew.
    EdgeOneshot,
}

/// What a wait of a [`Poller`](super::Poller) has told: room for some events, used again and again.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::poller::Events;
/// use std::num::NonZeroUsize;
///
/// let events = Events::with_capacity(NonZeroUsize::new(16).unwrap());
/// assert_eq!((events.capacity().get(), events.iter().count()), (16, 0));
/// ```
pub struct Events {
    /// At its full length always, so that the kernel finds the room of all.
    pub(super) room: Vec<epoll::Event>,
    pub(super) told: usize,
}

impl Event {
    /// Asks for what is true.
    #[must_use]
    pub const fn new(key: usize, readable: bool, writable: bool) -> Event {
        Event { key, readable, writable, more: epoll::EventFlags::empty() }
    }

    /// Asks for both directions.
    #[must_use]
    pub const fn all(key: usize) -> Event {
        Event::new(key, true, true)
    }

    /// Asks for something to read.
    #[must_use]
    pub const fn readable(key: usize) -> Event {
        Event::new(key, true, false)
    }

    /// Asks for room to write.
    #[must_use]
    pub const fn writable(key: usize) -> Event {
        Event::new(key, false, true)
    }

    /// Asks for nothing: only errors and hang-ups are told.
    #[must_use]
    pub const fn none(key: usize) -> Event {
        Event::new(key, false, false)
    }

    /// Asks for something exceptional, too, as out-of-band data.
    #[must_use]
    pub const fn with_priority(mut self) -> Event {
        self.more = self.more.union(epoll::EventFlags::PRI);
        self
    }

    /// Whether something exceptional was asked for, or is there.
    #[must_use]
    pub const fn is_priority(&self) -> bool {
        self.more.contains(epoll::EventFlags::PRI)
    }

    /// Whether both halves are shut down, or a pipe has lost its writers (`EPOLLHUP`).
    #[must_use]
    pub const fn is_hangup(&self) -> bool {
        self.more.contains(epoll::EventFlags::HUP)
    }

    /// Whether a stream socket's peer has shut down its writing half (`EPOLLRDHUP`). Told to those
    /// who ask for something to read.
    #[must_use]
    pub const fn is_read_hangup(&self) -> bool {
        self.more.contains(epoll::EventFlags::RDHUP)
    }

    /// Whether an error is pending, or a pipe has lost its reader (`EPOLLERR`).
    #[must_use]
    pub const fn is_error(&self) -> bool {
        self.more.contains(epoll::EventFlags::ERR)
    }

    /// What the kernel is asked for.
    pub(super) fn flags(self, mode: PollMode) -> epoll::EventFlags {
        let mut flags = self.more & epoll::EventFlags::PRI;
        if self.readable {
            flags |= epoll::EventFlags::IN | epoll::EventFlags::RDHUP;
        }
        if self.writable {
            flags |= epoll::EventFlags::OUT;
        }
        flags
            | match mode {
                PollMode::Oneshot => epoll::EventFlags::ONESHOT,
                PollMode::Level => epoll::EventFlags::empty(),
                PollMode::Edge => epoll::EventFlags::ET,
                PollMode::EdgeOneshot => epoll::EventFlags::ET | epoll::EventFlags::ONESHOT,
            }
    }

    fn told(event: &epoll::Event) -> Event {
        let (flags, data) = (event.flags, event.data);
        let is = |any: epoll::EventFlags| flags.intersects(any);
        let ended = epoll::EventFlags::HUP | epoll::EventFlags::ERR;
        Event {
            key: data.u64() as usize,
            readable: is(epoll::EventFlags::IN | epoll::EventFlags::RDHUP | ended),
            writable: is(epoll::EventFlags::OUT | ended),
            more: flags & (ended | epoll::EventFlags::RDHUP | epoll::EventFlags::PRI),
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("key", &self.key)
            .field("readable", &self.readable)
            .field("writable", &self.writable)
            .field("is_priority", &self.is_priority())
            .field("is_hangup", &self.is_hangup())
            .field("is_read_hangup", &self.is_read_hangup())
            .field("is_error", &self.is_error())
            .finish()
    }
}

impl Events {
    /// Room for 1,024 events.
    #[must_use]
    pub fn new() -> Events {
        Events::with_capacity(NonZeroUsize::new(CAPACITY).expect("it is not zero"))
    }

    /// Room for so many events: what one wait takes at most.
    #[must_use]
    pub fn with_capacity(capacity: NonZeroUsize) -> Events {
        let none =
            epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
        Events { room: vec![none; capacity.get()], told: 0 }
    }

    /// How many events there is room for.
    #[must_use]
    pub fn capacity(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.room.len()).expect("it was made with room")
    }

    /// What the last wait has told.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Event> + '_ {
        self.room[..self.told].iter().map(Event::told)
    }

    /// How many events the last wait has told.
    #[must_use]
    pub fn len(&self) -> usize {
        self.told
    }

    /// Whether the last wait has told nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told == 0
    }

    /// Forgets what was told.
    pub fn clear(&mut self) {
        self.told = 0;
    }
}

impl Default for Events {
    fn default() -> Events {
        Events::new()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
