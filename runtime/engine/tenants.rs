//! The table of a reactor: the descriptors that are registered there, and with which sources.

use super::reactor::Source;
use mio::Token;
use slab::Slab;
use std::os::fd::RawFd;
use std::sync::Arc;

/// Descriptors at which a worker looks that falls asleep: far less than what the timer of a short
/// sleep costs.
const LOOKED_AT_FOR_WAITERS: usize = 4;

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) tenants: Slab<Tenant>,
    pub(super) generation: u32,
    /// Where somebody who waits was last looked for.
    at_hand: usize,
    /// The worker has ended: nobody waits for events any more.
    pub(super) is_closed: bool,
}

/// A descriptor that is registered.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) generation: u32,
    /// By the number that its user knows.
    pub(super) fd: RawFd,
    pub(super) source: Arc<Source>,
}

impl Table {
    pub(super) fn new() -> Table {
        Table { tenants: Slab::new(), generation: 0, at_hand: 0, is_closed: false }
    }

    pub(super) fn find(&self, token: Token) -> Option<&Source> {
        let tenant = self.tenants.get(token.0 & u32::MAX as usize)?;
        (tenant.generation as usize == token.0 >> 32).then_some(&*tenant.source)
    }

    /// Whether somebody waits for one of a few descriptors: first for that for which somebody did
    /// when this was last asked, which as a rule is a listener.
    pub(super) fn has_waiters_at_hand(&mut self) -> bool {
        for _ in 0..LOOKED_AT_FOR_WAITERS {
            let tenant = self.tenants.get(self.at_hand);
            if tenant.is_some_and(|tenant| tenant.source.has_waiters()) {
                return true;
            }
            self.at_hand = (self.at_hand + 1) % self.tenants.capacity().max(1);
        }
        false
    }

    /// Whether somebody waits for a descriptor that is registered here.
    pub(super) fn has_waiters(&self) -> bool {
        self.tenants.iter().any(|(_, tenant)| tenant.source.has_waiters())
    }

    /// Those in some places from `first` on; none once there are no more places.
    pub(super) fn slice(
        &self,
        first: usize,
        places: usize,
    ) -> Option<impl Iterator<Item = &Tenant>> {
        let end = self.tenants.capacity().min(first + places);
        (first < end).then(|| (first..end).filter_map(|key| self.tenants.get(key)))
    }
}
