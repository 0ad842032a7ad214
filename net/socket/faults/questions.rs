//! The questions, answered by the plan that is in force.

use std::io;

use super::plan::Plan;
use super::{Call, environment};

/// Fails as the kernel might; asked right before each call.
pub(crate) fn before(call: Call) -> io::Result<()> {
    in_force().map_or(Ok(()), |plan| plan.before(call))
}

/// How many of `wanted` bytes a call on a *stream* is to be asked for, one at least. Whoever judges
/// by the count whether the socket is drained must take this for what was wanted.
pub(crate) fn allowed(call: Call, wanted: usize) -> usize {
    in_force().map_or(wanted, |plan| plan.allowed(call, wanted))
}

fn in_force() -> Option<Plan> {
    Plan::of_scope().or_else(environment::plan)
}
