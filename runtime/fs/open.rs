//! Opening a file: on a thread, of which pool depends on what the path leads to.

use super::descriptor::Descriptor;
use super::file::File;
use super::threads;
use crate::blocking::may_block;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

/// Opens what `path` leads to. A caller that is killed meanwhile leaves no open file behind.
///
/// # Errors
///
/// Those of `open(2)`.
pub(super) fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    if may_block() {
        return options.open(path).map(File::from);
    }
    let (options, path) = (options.clone(), path.to_owned());
    let descriptor = match threads::run(move || {
        if threads::may_wait_for_long(&path) {
            return Ok(Err((options, path)));
        }
        options.open(path).map(|file| Ok(Descriptor::opened(file)))
    })? {
        Ok(descriptor) => descriptor,
        Err((options, path)) => {
            threads::run_for_long(move || options.open(path).map(Descriptor::opened))?
        }
    };
    Ok(File { descriptor })
}
