//! Laws of timeout scopes, and of tickers.
//!
//! What holds for one blocking call holds for all: the laws in `every_wait` run against each of
//! the calls in the table of `waits`.

#[cfg(feature = "tls")]
#[path = "../common/certificates.rs"]
mod certificates;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/held.rs"]
mod held;

mod every_wait;
mod scopes;
mod ticker;
mod waits;
