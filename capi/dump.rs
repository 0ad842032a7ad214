//! What there is, as text: `gs_dump`.

use crate::descriptor::{answer, move_all};
use crate::guard;
use crate::registry;
use greenstd_runtime::diag;
use libc::c_int;
use std::fmt::Write as _;

/// Writes what there is to a descriptor, by plain write(2): for standard error and files. First a
/// line for each thread that C can name, in the order of the ids: its id, its name, whether it goes
/// on, has ended, or waits to be joined. Then what every green thread of the process does: its
/// state, what it waits for, for how long, and who holds that up. On threads of either kind; a
/// green thread parks until the others have been looked at.
///
/// Returns 0; -EBADF for what cannot be written to, or another error of write(2).
#[unsafe(no_mangle)]
pub extern "C" fn gs_dump(fd: c_int) -> c_int {
    guard::status(guard::enter(|| {
        let mut text = describe();
        // Writing to a string does not fail.
        let _ = write!(text, "{}", diag::dump());
        let written = move_all(text.len(), |moved| {
            let rest = &text.as_bytes()[moved..];
            // SAFETY: a part of the text.
            answer(unsafe { libc::write(fd, rest.as_ptr().cast(), rest.len()) })
        });
        written.map(drop)
    }))
}

/// What C can name.
fn describe() -> String {
    let records = registry::all();
    let mut text = format!("{} threads\n", records.len());
    for record in records {
        let name = record.thread().name().unwrap_or("-").to_owned();
        let (has_ended, is_joinable) = record.describe();
        let state = match (has_ended, is_joinable) {
            (false, true) => "alive",
            (false, false) => "alive, not to be joined",
            (true, _) => "ended, to be joined",
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} {name} {state}", record.id());
    }
    text
}
