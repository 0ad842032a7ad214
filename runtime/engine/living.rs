//! A green thread that is alive, as reports name it: those that a runtime or a test leaves behind.

use super::fiber::Header;
use super::handle::ThreadId;
use std::fmt;
use std::panic::Location;

/// A green thread that was alive when it was looked for.
///
/// As text, a line: its number and name, where it was spawned and what it waits in.
#[derive(Clone, Debug)]
pub struct LivingThread {
    id: ThreadId,
    name: Option<Box<str>>,
    spawned_at: &'static Location<'static>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unstarted,
    Runnable,
    Waits(Option<&'static str>),
}

impl LivingThread {
    /// The caller keeps it from ending meanwhile; all but the name and the site may be outdated.
    pub(super) fn new(header: &Header, is_started: bool) -> LivingThread {
        let state = match (is_started, header.life.is_parked()) {
            (false, _) => State::Unstarted,
            (true, true) => State::Waits(header.waits_for.get().map(|reason| reason.0)),
            (true, false) => State::Runnable,
        };
        LivingThread {
            id: ThreadId::new(header.id),
            name: header.name().map(Into::into),
            spawned_at: header.site,
            state,
        }
    }

    /// The number of the green thread.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// Whether it has a stack: it is one that runs, could run, or waits.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.state != State::Unstarted
    }

    /// Whether it waits.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        matches!(self.state, State::Waits(_))
    }

    /// The call in which it waits, such as `Mutex::lock`. None if it does not wait, and in a wait
    /// that has no name.
    #[must_use]
    pub fn waits_in(&self) -> Option<&'static str> {
        match self.state {
            State::Waits(reason) => reason,
            State::Unstarted | State::Runnable => None,
        }
    }
}

impl fmt::Display for LivingThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, site) = (self.name().unwrap_or("<unnamed>"), self.spawned_at);
        write!(f, "{} '{name}' (spawned at {site}) ", self.id.number())?;
        match self.state {
            State::Unstarted => f.write_str("has not started"),
            State::Runnable => f.write_str("runs"),
            State::Waits(reason) => write!(f, "waits in {}", reason.unwrap_or("park")),
        }
    }
}
