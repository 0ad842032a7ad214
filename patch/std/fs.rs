//! `std::fs`: files and directories, whose calls wait on threads of a pool, or park.

pub use ::std::fs::*;

#[expect(deprecated, reason = "std still has it, too")]
pub use greenstd_runtime::fs::soft_link;
pub use greenstd_runtime::fs::{
    DirBuilder, DirEntry, File, OpenOptions, ReadDir, canonicalize, copy, create_dir,
    create_dir_all, exists, hard_link, metadata, read, read_dir, read_link, read_to_string,
    remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink_metadata, write,
};
