//! One place in a group, and what keeps it.
//!
//! The closure of a member holds its membership. So it is given up when the closure has returned,
//! has panicked, was unwound, or was dropped without having been called: whatever happens to a
//! green thread, its place is free afterwards.

use super::members::Members;
use super::panicked;
use crate::thread::{self, Killed};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

/// One place in a group; free when this is dropped, unless the member was discarded before.
pub(super) struct Membership {
    members: Arc<Members>,
    key: u64,
    panicked: Option<Arc<str>>,
}

/// What a member is spawned with. If it never runs, the fields are dropped in this order: the
/// member has left only when what its closure holds is gone.
pub(super) struct Body<F> {
    f: F,
    membership: Membership,
}

impl Membership {
    pub(super) fn new(members: Arc<Members>, key: u64) -> Membership {
        Membership { members, key, panicked: None }
    }

    pub(super) fn key(&self) -> u64 {
        self.key
    }

    /// Tells the group that the calling thread is the member.
    pub(super) fn arrive(&self) {
        self.members.introduce(self.key, &thread::current());
    }

    /// Ends it; `panicked` is the message, if the member has ended by a panic.
    pub(super) fn end(mut self, panicked: Option<Arc<str>>) {
        self.panicked = panicked;
    }

    /// Calls `f` as the member that the calling thread is, and ends the membership.
    pub(super) fn run<T>(self, f: impl FnOnce() -> T) -> T {
        self.arrive();
        match panic::catch_unwind(AssertUnwindSafe(f)) {
            Ok(value) => {
                self.end(None);
                value
            }
            Err(payload) => {
                // To be killed is not to fail.
                self.end((!payload.is::<Killed>()).then(|| panicked::message(&*payload)));
                panic::resume_unwind(payload)
            }
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.members.remove(self.key, self.panicked.take());
    }
}

impl<F> Body<F> {
    pub(super) fn new(f: F, membership: Membership) -> Body<F> {
        Body { f, membership }
    }

    pub(super) fn run<T>(self) -> T
    where
        F: FnOnce() -> T,
    {
        self.membership.run(self.f)
    }
}
