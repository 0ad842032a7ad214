//! Where hyper starts tasks: HTTP/2 has one for each stream.

use std::future::Future;

use greenstd_runtime::block_on;
use greenstd_runtime::group::Group;
use greenstd_runtime::thread::Builder;
use hyper::rt::Executor;
use std::sync::Arc;

/// Runs each task on a green thread of its own.
///
/// If there is no room for one more green thread the task is dropped, which cancels it.
#[derive(Clone, Debug, Default)]
pub struct GreenExecutor {
    group: Option<Arc<Group>>,
}

impl GreenExecutor {
    /// Makes an executor whose green threads belong to nobody.
    #[must_use]
    pub fn new() -> GreenExecutor {
        GreenExecutor::default()
    }

    /// Makes an executor whose green threads belong to `group`, by which they can be waited for
    /// and killed.
    #[must_use]
    pub fn in_group(group: Arc<Group>) -> GreenExecutor {
        GreenExecutor { group: Some(group) }
    }
}

impl<F> Executor<F> for GreenExecutor
where
    F: Future + Send + 'static,
{
    fn execute(&self, task: F) {
        let body = move || drop(block_on(task));
        let started = match &self.group {
            Some(group) => group.spawn_with(Builder::new(), body),
            None => Builder::new().spawn(body),
        };
        if let Err(error) = started {
            tracing::warn!(%error, "no green thread for a task of hyper");
        }
    }
}
