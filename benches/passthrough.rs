//! `passthrough`: what a hooked `read` and `write` cost an OS thread beside the C library's own.
//!
//! A byte from `/dev/zero` and one to `/dev/null`, alternating in short runs, so that both sides
//! see the same machine. The kernel's part is the same on both sides, and most of it.

mod support;

use std::fs::File;
use std::hint::black_box;
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::time::Instant;

use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::rounds::Bench;
use support::sys;

/// Calls of one side before the other's turn: far more than a look at the clock costs.
const RUN: usize = 1_000;
/// Issue: at most so much dearer than the C library's.
const DEARER_AT_MOST_NANOS: f64 = 5.0;

fn main() -> ExitCode {
    support::main("passthrough", plan, measure)
}

fn plan(bench: &mut Bench) {
    let runs = bench.options.pick(4_000, 500);
    for name in ["read", "write"] {
        if !bench.options.wants_row(name) {
            continue;
        }
        let contender = Contender::ours().with("case", name).with("runs", runs);
        let samples = bench.interleave(vec![contender]);
        bench.row(&format!("{name}_hooked"), "ns", &samples, "hooked_ns");
        bench.row(&format!("{name}_libc"), "ns", &samples, "libc_ns");
        let limit = ("limit", DEARER_AT_MOST_NANOS);
        bench.row_beside_constant(&format!("{name}_dearer"), "ns", &samples, "dearer_ns", limit);
    }
}

fn measure(job: &Job) -> Measurement {
    assert_eq!(job.system(), System::Ours);
    greenstd::patch::install().expect("this platform has thread-locals that can be switched");
    sys::pin_to(&sys::allowed_cpus()[..1]);
    let (name, path) = match job.case() {
        "read" => (c"read", "/dev/zero"),
        "write" => (c"write", "/dev/null"),
        other => panic!("no case {other}"),
    };
    let file = File::options().read(true).write(true).open(path).expect("it is always there");
    let [hooked, libc] = sys::ByteTransfer::both(name);
    let runs = job.number("runs");
    let [hooked, libc] = alternating([hooked, libc], file.as_raw_fd(), runs);
    let measured = Measurement::of("hooked_ns", hooked).and("libc_ns", libc);
    measured.and("dearer_ns", hooked - libc)
}

/// Nanoseconds of a call of each side: the median of its runs.
fn alternating(sides: [sys::ByteTransfer; 2], fd: RawFd, runs: usize) -> [f64; 2] {
    let mut costs = [const { Vec::new() }; 2];
    for _ in 0..runs {
        for (side, costs) in sides.iter().zip(&mut costs) {
            let side = black_box(*side);
            let start = Instant::now();
            for _ in 0..RUN {
                black_box(side.call(fd));
            }
            costs.push(start.elapsed().as_nanos() as f64 / RUN as f64);
        }
    }
    costs.map(|costs| support::report::median(costs).expect("there is a run at least"))
}
