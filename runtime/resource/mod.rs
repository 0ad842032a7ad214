//! Pools of resources: connections to a database, and whatever else is dear to make, can be used by
//! one at a time, and is wanted by more than there should be of it.
//!
//! A [`ResourcePool`] makes resources by its [`Manage`]r when they are wanted, up to a bound, lends
//! each to one holder at a time, and keeps what comes back for the next. Who comes while all are
//! lent out waits, first come, first served. What was idle for a while is checked before it is lent
//! again; what is too old, or was idle for too long, is dropped.
//!
//! A driver as a rule blocks the thread that calls it. So resources are made, checked and dropped
//! on the threads of a [`BlockingPool`](crate::blocking::BlockingPool), and so is what runs by
//! [`with`](ResourcePool::with) and [`ResourceGuard::run`]: the resource moves into the job and
//! back. [`Builder::in_place`] is for resources that park, such as greenstd's own sockets.
//!
//! Reading order inside: `manage` (what the user gives), `pool` and `guard` (what he gets), `lease`
//! (one resource on its way), `shared` and `state` (who gets what), `retire` (what idles too long).
//!
//! # Invariants
//!
//! 1. Each resource occupies a place, of which there are as many as the bound says, from before it
//!    is made until after it was dropped. The place lies beside it, in whatever holds it: a guard,
//!    a job, a stack that unwinds. So there are never more resources than places, and none of
//!    either is lost, wherever somebody is killed or panics.
//! 2. Nobody waits while there is an idle resource or a free place.
//! 3. Code of the manager, and destructors of resources, run outside of the pool's lock.
//! 4. What a holder may have left half done, because he panicked or was killed, is lent to nobody.
//!
//! # Rejected
//!
//! Making new resources in the background, so that who waits takes whatever is there first: errors
//! would belong to nobody. A periodic look for what idles: an idle process makes no system call.

mod builder;
mod error;
mod guard;
mod lease;
mod manage;
mod pool;
mod retire;
mod shared;
mod state;

pub use self::builder::{Builder, Reuse};
pub use self::error::GetError;
pub use self::guard::ResourceGuard;
pub use self::manage::{Condition, Manage};
pub use self::pool::{ResourcePool, Statistics};
