//! Members that have panicked, and who wants to hear of them.
//!
//! Nothing is kept of a panic unless somebody waits for it: the payload goes to whoever joins the
//! member itself.

use crate::thread::Thread;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A member of a group has panicked.
///
/// The payload of the panic is what the `JoinHandle` of the member returns.
#[derive(Clone)]
pub struct MemberPanicked {
    thread: Thread,
    message: Arc<str>,
}

/// Those who wait for a group and want to hear of panics.
pub(super) struct Watches(Vec<Watch>);

struct Watch {
    /// Concerns members with lower keys: those who were there when it was opened.
    number: u64,
    /// The first.
    panicked: Option<MemberPanicked>,
}

impl MemberPanicked {
    pub(super) fn new(thread: Thread, message: Arc<str>) -> MemberPanicked {
        MemberPanicked { thread, message }
    }

    /// The member. It has ended, or is about to.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// The text of its panic, if it had one.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Debug for MemberPanicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberPanicked")
            .field("thread", &self.thread)
            .field("message", &self.message)
            .finish()
    }
}

impl fmt::Display for MemberPanicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.thread.name().unwrap_or("<unnamed>");
        write!(f, "green thread '{name}' of the group panicked: {}", self.message)
    }
}

impl Error for MemberPanicked {}

impl Watches {
    pub(super) const fn new() -> Watches {
        Watches(Vec::new())
    }

    pub(super) fn open(&mut self, number: u64) {
        self.0.push(Watch { number, panicked: None });
    }

    /// What was seen; nothing if it was closed before.
    pub(super) fn close(&mut self, number: u64) -> Option<MemberPanicked> {
        let at = self.0.iter().position(|watch| watch.number == number)?;
        self.0.swap_remove(at).panicked
    }

    pub(super) fn tell(&mut self, key: u64, panicked: &MemberPanicked) {
        for watch in self.0.iter_mut().filter(|watch| key < watch.number) {
            watch.panicked.get_or_insert_with(|| panicked.clone());
        }
    }
}

/// The text of a panic, if it has one.
pub(super) fn message(payload: &(dyn Any + Send)) -> Arc<str> {
    match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => Arc::from(*text),
        (_, Some(text)) => Arc::from(text.as_str()),
        _ => Arc::from("Box<dyn Any>"),
    }
}
