//! Files and directories: `std::fs` on green threads.
//!
//! The same names, signatures and errors, but a call that waits for a disk runs on a thread of a
//! pool and parks only the caller, and a file that waits for a peer (a FIFO, a terminal) parks on
//! the reactor. On plain OS threads every call is std's, but for timeout scopes, which no call of
//! std's would heed. Types that wait for nothing are std's own.
//!
//! What a caller abandons because it is killed, or because its timeout scope expires, may still
//! come to pass: the pool cannot stop what a thread of it has begun.
//!
//! Reading order inside: `file` (what users see), `transfer` (how bytes move), `descriptor` (what a
//! file and its jobs share), `class` and `stream` (who waits where), `threads` (on which threads).
//!
//! # Examples
//!
//! ```
//! use greenstd_runtime::{fs, thread};
//!
//! greenstd_runtime::run(|| {
//!     let readers = ["/proc/uptime", "/proc/loadavg"]
//!         .map(|path| thread::spawn(move || fs::read_to_string(path)));
//!     for reader in readers {
//!         assert!(reader.join().expect("it does not panic").is_ok_and(|text| !text.is_empty()));
//!     }
//! });
//! ```

mod buffer;
mod class;
mod descriptor;
mod directory;
mod file;
mod functions;
mod lock;
mod open;
mod options;
mod stream;
mod threads;
mod traits;
mod transfer;

pub use std::fs::{FileTimes, FileType, Metadata, Permissions, TryLockError};

pub use self::directory::{DirEntry, ReadDir};
pub use self::file::File;
#[expect(deprecated, reason = "std still has it, too")]
pub use self::functions::soft_link;
pub use self::functions::{
    canonicalize, copy, create_dir, create_dir_all, exists, hard_link, metadata, read, read_dir,
    read_link, read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions,
    symlink_metadata, write,
};
pub use self::options::{DirBuilder, OpenOptions};

pub(crate) use self::functions::{with_fd, with_path, with_paths};
