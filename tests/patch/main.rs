//! Laws of the patch: code that nobody edits, on hooked green threads with own thread-locals.
//!
//! `programs` runs drivers beside real servers: those that `.ci/mysql`, `.ci/redis` and
//! `.ci/postgres` start, whose URLs are found in `GREENSTD_TEST_MYSQL`, `GREENSTD_TEST_REDIS` and
//! `GREENSTD_TEST_POSTGRES`. Without those the tests say on stderr that they were skipped.
//! `likeness` runs what works on threads and breaks where they share their thread-locals.
//!
//! Each test runs in a child: hooks are installed for good, threads and descriptors are counted.
#![allow(unsafe_code, reason = "libpq is C; hooks for shared thread-locals are unsound by nature")]

#[path = "../common/child.rs"]
mod child;
#[path = "../common/throwaway.rs"]
mod throwaway;

mod census;
mod kind;
mod likeness;
mod program;
mod programs;
mod servers;
