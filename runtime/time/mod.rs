//! `std::time`, timeout scopes, and tickers.
//!
//! What std has is std's own: `Duration`, `Instant` and `SystemTime` are the same types, so a
//! program may mix both paths. Beside them stand [`timeout`] and [`deadline`], which limit the time
//! of everything that a closure waits for, [`Ticker`], and [`now`], which reads the clock of all
//! waits.

mod clock;
mod scope;
mod ticker;

pub use self::clock::{now, system_now};
pub use self::scope::{TimedOut, deadline, timeout};
pub use self::ticker::{MissedTicks, Ticker, interval};
pub use std::time::{
    Duration, Instant, SystemTime, SystemTimeError, TryFromFloatSecsError, UNIX_EPOCH,
};
