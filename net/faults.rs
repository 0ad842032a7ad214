//! Faults on purpose, for tests: system calls that fail as a kernel might have them fail.
//!
//! There is this module only with the feature `faults`, which no program that is shipped turns on.
//! The environment variable `GREENSTD_FAULTS=seed=1,rate=50,set=eintr+eagain+short` has every
//! twentieth call of the whole process fail; [`Plan::scope`] does so for a thread. A fault comes
//! before its call, so that nothing is lost with it.

pub use crate::socket::faults::environment::{InvalidPlan, plan as of_environment};
pub use crate::socket::faults::plan::{Fault, Plan};
