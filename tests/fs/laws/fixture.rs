//! What the laws are made of: directories of either kind, bytes that are not alike.

use crate::directory::Directory;

/// More than one call moves.
pub(super) const LARGE: usize = 1_000_003;

/// Runs `law` with a directory on each kind of file system.
pub(super) fn in_each(law: impl Fn(&Directory) + Send + 'static) {
    super::run(move || Directory::of_each_kind().iter().for_each(&law));
}

/// Bytes of which no two stretches are alike.
pub(super) fn bytes(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect()
}
