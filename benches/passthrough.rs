//! `passthrough`: what a hooked `read` and `write` cost an OS thread beside the C library's own.
//!
//! A byte from `/dev/zero` and one to `/dev/null`, alternating in short runs, so that both sides
//! see the same machine. The kernel's part is the same on both sides, and most of it.

mod support;

use std::ffi::c_void;
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

type Transfer = unsafe extern "C" fn(RawFd, *mut c_void, usize) -> isize;

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
    let look_up = |from| {
        // SAFETY: a name that ends.
        let address = unsafe { libc::dlsym(from, name.as_ptr()) };
        assert!(!address.is_null(), "the C library has {name:?}");
        // SAFETY: `read` and `write` differ in the constness of a pointer alone.
        unsafe { std::mem::transmute::<*mut c_void, Transfer>(address) }
    };
    let sides = [look_up(libc::RTLD_DEFAULT), look_up(libc::RTLD_NEXT)];
    assert_ne!(sides[0] as usize, sides[1] as usize, "the first is the hook");
    let [hooked, libc] = alternating(sides, file.as_raw_fd(), job.number("runs"));
    let measured = Measurement::of("hooked_ns", hooked).and("libc_ns", libc);
    measured.and("dearer_ns", hooked - libc)
}

/// Nanoseconds of a call of each side: the median of its runs.
fn alternating(sides: [Transfer; 2], fd: RawFd, runs: usize) -> [f64; 2] {
    let mut costs = [const { Vec::new() }; 2];
    for _ in 0..runs {
        for (side, costs) in sides.iter().zip(&mut costs) {
            let side = black_box(*side);
            let mut byte = 0_u8;
            let start = Instant::now();
            for _ in 0..RUN {
                // SAFETY: one byte that is alive.
                black_box(unsafe { side(fd, (&raw mut byte).cast(), 1) });
            }
            costs.push(start.elapsed().as_nanos() as f64 / RUN as f64);
        }
    }
    costs.map(|costs| support::report::median(costs).expect("there is a run at least"))
}
