//! The same laws over std and over ours, and what the tests look at from outside.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a test waits for before it fails: far beyond what anything takes on a slow machine.
pub const SOON: Duration = Duration::from_secs(10);

/// Makes tests of laws that std keeps too: `io`, `process`, `unix` (the extensions of processes)
/// and `thread` in a body mean either crate's.
macro_rules! parity {
    ($($(#[$meta:meta])* fn $law:ident() $body:block)*) => {
        parity! { @os std_threads std $($(#[$meta])* fn $law() $body)* }
        parity! { @os os_thread greenstd $($(#[$meta])* fn $law() $body)* }
        parity! { @green one_worker 1 $($(#[$meta])* fn $law() $body)* }
        parity! { @green two_workers 2 $($(#[$meta])* fn $law() $body)* }
    };
    (@os $flavour:ident $crate_name:ident $($(#[$meta:meta])* fn $law:ident() $body:block)*) => {
        #[allow(unused_imports)]
        mod $flavour {
            use super::*;
            use $crate_name::os::unix::process as unix;
            use $crate_name::{io, process, thread};
            $($(#[$meta])* #[test] fn $law() {
                let _watchdog = $crate::flavour::Watchdog::new();
                $body
            })*
        }
    };
    (@green $flavour:ident $workers:literal
        $($(#[$meta:meta])* fn $law:ident() $body:block)*) => {
        #[allow(unused_imports)]
        mod $flavour {
            use super::*;
            use greenstd::os::unix::process as unix;
            use greenstd::{io, process, thread};
            $($(#[$meta])* #[test] fn $law() {
                $crate::flavour::on_workers($workers, || $body)
            })*
        }
    };
}

/// Waits until `condition` holds; a law that never comes true fails here.
pub fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        greenstd::thread::sleep(Duration::from_millis(1));
    }
}

/// The state of a process in the words of proc(5): `Z` for a zombie; none if there is no such.
pub fn state(id: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Its children, zombies among them.
pub fn children() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let children =
        tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("children")).ok());
    children.map(|list| list.split_whitespace().count()).sum()
}

/// Where a child tells its parent, of this number, that it has come to the point of this name.
fn signal_path(parent: u32, name: &str) -> PathBuf {
    env::temp_dir().join(format!("greenstd-{parent}-{name}"))
}

/// In a child: tells the parent.
pub fn tell_parent(name: &str) {
    let path = signal_path(std::os::unix::process::parent_id(), name);
    fs::write(path, []).unwrap();
}

/// In the parent, on an OS thread: waits to be told.
pub fn wait_for_child(name: &str) {
    let path = signal_path(std::process::id(), name);
    until(name, || path.exists());
    fs::remove_file(path).unwrap();
}

/// Calls `body` while a neighbour counts, which has to get on meanwhile.
pub fn beside_a_neighbour<T>(body: impl FnOnce() -> T) -> T {
    use greenstd::sync::Semaphore;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let (ends, beats) = (Arc::new(AtomicBool::new(false)), Arc::new(Semaphore::new(0)));
    let (its_end, its_beats) = (ends.clone(), beats.clone());
    let neighbour = greenstd::thread::spawn(move || {
        while !its_end.load(Ordering::Relaxed) {
            its_beats.release();
            greenstd::thread::sleep(Duration::from_millis(1));
        }
    });
    let value = body();
    let beaten = beats.available_permits();
    ends.store(true, Ordering::Relaxed);
    neighbour.join().unwrap();
    // Far less than on an idle machine; on one worker that is blocked it does not even start.
    assert!(beaten >= 2, "the neighbour got on only {beaten} times");
    value
}
