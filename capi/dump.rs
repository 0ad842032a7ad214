//! What there is, as text: `gs_dump`.

use crate::descriptor::{answer, move_all};
use crate::guard;
use crate::registry;
use libc::c_int;
use std::fmt::Write as _;

/// Writes a line for each thread that C can name to a descriptor: its id, its name, whether it goes
/// on, has ended, or waits to be joined. In the order of the ids, by plain write(2): for standard
/// error and files. On threads of either kind.
///
/// Returns 0; -EBADF for what cannot be written to, or another error of write(2).
#[unsafe(no_mangle)]
pub extern "C" fn gs_dump(fd: c_int) -> c_int {
    guard::status(guard::enter(|| {
        let text = describe();
        let written = move_all(text.len(), |moved| {
            let rest = &text.as_bytes()[moved..];
            // SAFETY: a part of the text.
            answer(unsafe { libc::write(fd, rest.as_ptr().cast(), rest.len()) })
        });
        written.map(drop)
    }))
}

/// All that is told stands here: the one place that knows what there is to be told of.
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
