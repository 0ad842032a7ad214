//! Groups and pools: green threads that are waited for, limited and ended together.
//!
//! A [`Group`] knows the green threads that were spawned by it for as long as they live, waits for
//! all of them, and kills all of them. A [`Pool`] is a group with a limit: whoever spawns into one
//! that is full waits until a member has ended. It limits green threads, not OS threads. Its `map`,
//! `imap` and `imap_unordered` apply a function to many items, so many at a time as there is room
//! for. The semantics are gevent's.
//!
//! Both are handles: a clone is the same group. Dropping the last one ends nobody.

mod batch;
mod imap;
mod members;
mod membership;
mod panicked;
mod pool;
mod team;

pub use self::imap::{Imap, ImapUnordered};
pub use self::panicked::MemberPanicked;
pub use self::pool::{Full, Pool};
pub use self::team::Group;
