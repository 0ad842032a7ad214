//! What a stop of a server tells.

/// What has become of the handlers that were live when a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// Those that have ended by themselves.
    pub finished: usize,
    /// Those that were killed.
    pub killed: usize,
    /// Those that were told to end, killed, and go on all the same.
    pub alive: usize,
}

impl StopReport {
    /// Whether all handlers have ended by themselves.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.killed == 0 && self.alive == 0
    }
}
