//! Laws of databases behind a pool of resources: plain blocking drivers, real servers.
//!
//! SQLite is compiled in. The tests with PostgreSQL want a server: `.ci/postgres` starts a
//! throwaway one, whose URL they find in `GREENSTD_TEST_POSTGRES`. Without that they say on stderr
//! that they were skipped.
#![allow(unsafe_code, reason = "children set limits")]

#[path = "../common/child.rs"]
mod child;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;
#[path = "../common/throwaway.rs"]
mod throwaway;

mod crash;
mod fixture;
mod postgres;
mod rollback;
mod server;
mod sqlite;
