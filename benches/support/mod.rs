//! What the benches share: options, children, rounds, noise, reports, and the systems measured.
//!
//! A bench is two programs in one binary. Without `--child` it is the *parent*: it walks its rows,
//! starts one child process for each system and round, and prints the aggregate. With `--child` it
//! is one measurement of one system, in a process that no other system has touched: rivals keep
//! worker counts, pools and thread-locals for the life of a process.
//!
//! Invariants
//! 1. A child never outlives its parent (parent-death signal) nor its time limit (`alarm`).
//! 2. The parent measures nothing itself; it only interleaves, repeats and prints.
//! 3. `ours` failing fails the bench; a rival failing is printed and left out of the comparison.

// Each bench is a crate of its own and uses its own part of this module.
#![allow(dead_code)]

pub mod channels;
pub mod child;
pub mod contender;
pub mod green;
pub mod histogram;
pub mod lap;
pub mod load;
pub mod noise;
pub mod on_may;
pub mod on_tokio;
pub mod options;
pub mod ours;
pub mod proc;
pub mod proxies;
pub mod proxy_load;
pub mod raw_server;
pub mod report;
pub mod rounds;
pub mod server;
pub mod sys;
#[cfg(feature = "tls")]
pub mod tls_load;
#[cfg(feature = "tls")]
pub mod tls_server;
pub mod udp_load;
pub mod udp_server;
pub mod unix_server;
#[cfg(feature = "ws")]
pub mod ws_load;
#[cfg(feature = "ws")]
pub mod ws_server;

use std::process::ExitCode;

use self::child::Job;
use self::contender::Measurement;
use self::options::Options;
use self::rounds::Bench;

/// Runs a bench: `plan` in the parent, `measure` in each child.
pub fn main(
    name: &'static str,
    plan: impl FnOnce(&mut Bench),
    measure: impl FnOnce(&Job) -> Measurement,
) -> ExitCode {
    if let Some(job) = Job::from_command_line() {
        child::serve_parent(&job, measure);
    }
    let mut bench = Bench::new(name, Options::from_command_line());
    plan(&mut bench);
    bench.finish()
}
