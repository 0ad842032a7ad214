//! What `/proc` tells of a process: memory, page tables, context switches.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Resident bytes of a process, from `statm`.
pub fn resident_bytes(pid: u32) -> u64 {
    let statm = read(&format!("/proc/{pid}/statm"));
    let pages = statm.split(' ').nth(1).and_then(|field| field.parse().ok());
    let pages: u64 = pages.expect("the second field of statm is a number");
    pages * super::sys::page_bytes()
}

/// Bytes of a process's page tables.
pub fn page_table_bytes(pid: u32) -> u64 {
    status_number(format!("/proc/{pid}/status"), "VmPTE:").expect("status has VmPTE") * 1024
}

/// Context switches of every thread of a process, voluntary and not.
pub fn context_switches(pid: u32) -> u64 {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).expect("the process is alive").flatten() {
        let status = task.path().join("status");
        for name in ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"] {
            // A thread may end between the listing and the look.
            sum += status_number(&status, name).unwrap_or(0);
        }
    }
    sum
}

/// Nanoseconds that each thread of a process has run, by its number.
pub fn thread_cpu_nanos(pid: u32) -> BTreeMap<u32, u64> {
    let mut nanos = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).expect("the process is alive").flatten() {
        // A thread may end between the listing and the look.
        let Ok(statistics) = fs::read_to_string(task.path().join("schedstat")) else { continue };
        let number = task.file_name().to_str().and_then(|name| name.parse().ok());
        let ran = statistics.split(' ').next().and_then(|field| field.parse().ok());
        if let (Some(number), Some(ran)) = (number, ran) {
            nanos.insert(number, ran);
        }
    }
    nanos
}

fn status_number(path: impl AsRef<Path>, name: &str) -> Option<u64> {
    let status = fs::read_to_string(path).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
