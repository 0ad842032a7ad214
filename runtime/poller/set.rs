//! `Poller`: a set of descriptors that stays from wait to wait.
//!
//! It is an epoll set. A wait takes what the set has to tell without waiting, and else waits for
//! the set's own descriptor, as a read waits for a socket: so it inherits deadlines, kills, several
//! waiters, and threads of either kind. Nothing is suspended between the kernel's handing over of
//! events and the return of the call, so none is lost with a waiter that is killed.
//!
//! # Invariants
//!
//! 1. Who is told that nothing is there was told so after its last look at the slot, and truly:
//!    what comes later is an event of the set's descriptor.
//! 2. The eventfd of the notification is in the set, as a level: it is told until somebody has read
//!    it, and only who has read it returns for it.

use super::event::{Event, Events, NOTIFICATION, PollMode};
use super::{PollFd, PollFlags};
use crate::fd::{Fd, Interest};
use crate::{park, readiness};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// A set of descriptors, any of which may end a wait: `epoll(7)`, whose waits park green threads.
///
/// The shape is that of the `polling` crate. Any thread, of either kind, may add, change and delete
/// descriptors, notify and wait, while others wait. Several may wait at once: a oneshot or an edge
/// is told to one of them, a level to each who looks while it holds.
///
/// # A descriptor that is closed while it is in the set
///
/// is taken out by the kernel; no memory of anybody is at stake, so adding is no unsafe call. But
/// what the kernel watches is the *open file*, not the number: while a duplicate of the descriptor
/// is open, here or in another process, events go on being told under its old key, and nobody can
/// delete them any more. So delete it first. A number that is used again is another open file,
/// which is not in the set until it is added, under a key of its own.
///
/// # As a descriptor
///
/// A poller is readable when it has something to tell, so `wait_readable`, `select::readable` and
/// other pollers can wait for it. Linux lets sets stand in sets a few levels deep; a wait of a
/// green thread needs one of these levels.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::poller::{Event, Events, Poller};
/// use std::io::{Read, Write};
///
/// let (mut reader, mut writer) = std::io::pipe()?;
/// let poller = Poller::new()?;
/// poller.add(&reader, Event::readable(7))?;
/// writer.write_all(b"x")?;
///
/// let mut events = Events::new();
/// poller.wait(&mut events, None)?;
/// for event in events.iter() {
///     assert_eq!(event.key, 7);
///     reader.read_exact(&mut [0])?;
///     // It was told once, so it has to be asked for anew.
///     poller.modify(&reader, Event::readable(7))?;
/// }
/// poller.delete(&reader)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Poller {
    set: Fd,
    notification: OwnedFd,
}

impl Poller {
    /// Makes an empty set. It holds two descriptors.
    ///
    /// # Errors
    ///
    /// Those of `epoll_create1(2)` and `eventfd(2)`: no descriptor is left.
    pub fn new() -> io::Result<Poller> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let notification = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let key = epoll::EventData::new_u64(NOTIFICATION as u64);
        epoll::add(&set, &notification, key, epoll::EventFlags::IN)?;
        Ok(Poller { set: Fd::new(set), notification })
    }

    /// Puts a descriptor into the set, to be told once ([`PollMode::Oneshot`]). What is true of it
    /// already is told, too. Never blocks.
    ///
    /// # Errors
    ///
    /// As [`add_with_mode`](Poller::add_with_mode).
    pub fn add(&self, source: impl AsFd, interest: Event) -> io::Result<()> {
        self.add_with_mode(source, interest, PollMode::Oneshot)
    }

    /// Puts a descriptor into the set, to be told as often as `mode` says. Never blocks.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for the key `usize::MAX`. Those of `epoll_ctl(2)`: `AlreadyExists` if the
    /// descriptor is in the set, `PermissionDenied` for one that epoll cannot watch, as that of a
    /// regular file, which is always ready; `EBADF`, `ELOOP` for sets in sets, `ENOSPC` at the
    /// system's limit of watches.
    pub fn add_with_mode(
        &self,
        source: impl AsFd,
        interest: Event,
        mode: PollMode,
    ) -> io::Result<()> {
        Ok(epoll::add(&self.set, source, key(interest)?, interest.flags(mode))?)
    }

    /// Asks for something else of a descriptor, or, after it was told, for the same again. As
    /// [`add`](Poller::add).
    ///
    /// # Errors
    ///
    /// As [`modify_with_mode`](Poller::modify_with_mode).
    pub fn modify(&self, source: impl AsFd, interest: Event) -> io::Result<()> {
        self.modify_with_mode(source, interest, PollMode::Oneshot)
    }

    /// [`modify`](Poller::modify), and how often it is to be told.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for the key `usize::MAX`. Those of `epoll_ctl(2)`: `NotFound` if the
    /// descriptor is not in the set.
    pub fn modify_with_mode(
        &self,
        source: impl AsFd,
        interest: Event,
        mode: PollMode,
    ) -> io::Result<()> {
        Ok(epoll::modify(&self.set, source, key(interest)?, interest.flags(mode))?)
    }

    /// Takes a descriptor out of the set. What another thread was told of it before, it may yet act
    /// upon.
    ///
    /// # Errors
    ///
    /// Those of `epoll_ctl(2)`: `NotFound` if it is not in the set.
    pub fn delete(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.set, source)?)
    }

    /// Blocks the calling thread until a descriptor of the set has something to tell, somebody
    /// notifies, or `timeout` has passed. How many events there are; none for a notification alone,
    /// or if nothing came in time.
    ///
    /// What `events` has held before is forgotten. A timeout of zero only looks, and lets other
    /// green threads run now and then; `None` waits for ever. A kill, and a timeout scope that
    /// expires, end the wait by unwinding, and no event is lost: it is the next caller's.
    ///
    /// # Errors
    ///
    /// Those of `epoll_ctl(2)`, by which a green thread waits: `ENOSPC`, `ENOMEM`, and `EINVAL` if
    /// one and the same open file is in more than 500 sets in which green threads wait, or as often
    /// in one of them, by duplicates. That is Linux's limit, which [`poll`](super::poll()) has not.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.clear();
        let told = match timeout {
            Some(Duration::ZERO) => self.set.try_once(|| self.take(events)),
            _ => {
                self.set.retry(Interest::Read, park::deadline(timeout), || self.take(&mut *events))
            }
        };
        match told {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(events.len()),
        }
    }

    /// Ends one wait: that of whoever waits, or the next. Never blocks.
    ///
    /// A notification is remembered until a wait returns; several that nobody has seen are one.
    ///
    /// # Errors
    ///
    /// That of `write(2)` on an eventfd, which gives none.
    pub fn notify(&self) -> io::Result<()> {
        match rustix::io::retry_on_intr(|| {
            rustix::io::write(&self.notification, &1_u64.to_ne_bytes())
        }) {
            // So many notifications that nobody has seen that one more does not fit.
            Ok(_) | Err(Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what the set has to tell now, or fails with `WouldBlock`.
    fn take(&self, events: &mut Events) -> io::Result<()> {
        const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        loop {
            let mut told = rustix::io::retry_on_intr(|| {
                epoll::wait(&self.set, &mut events.room[..], Some(&AT_ONCE))
            })?;
            if told == 0 {
                // While somebody else looks at the set, Linux tells those who do not wait that it
                // is empty: it asks without the set's lock, and whoever looks has taken the list
                // away. `poll(2)` asks under that lock.
                if readiness::look(&mut [PollFd::new(&self.set, PollFlags::IN)])? > 0 {
                    continue;
                }
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let room = &mut events.room[..told];
            let notification = room.iter().position(|event| {
                let data = event.data;
                data.u64() == NOTIFICATION as u64
            });
            let mut is_notified = false;
            if let Some(at) = notification {
                told -= 1;
                room.swap(at, told);
                is_notified = self.take_notification();
            }
            events.told = told;
            if told > 0 || is_notified {
                return Ok(());
            }
            // Another waiter has taken the notification.
        }
    }

    fn take_notification(&self) -> bool {
        let mut count = [0; size_of::<u64>()];
        rustix::io::retry_on_intr(|| rustix::io::read(&self.notification, &mut count)).is_ok()
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.set.as_fd()
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.set.as_raw_fd()
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("fd", &self.set.as_raw_fd()).finish_non_exhaustive()
    }
}

fn key(interest: Event) -> io::Result<epoll::EventData> {
    if interest.key == NOTIFICATION {
        let message = "the key `usize::MAX` is that of notifications";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(epoll::EventData::new_u64(interest.key as u64))
}
