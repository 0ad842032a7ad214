//! The traits that std's types have by themselves; a missing one fails to compile.

use greenstd::fs::{
    DirBuilder, DirEntry, File, FileTimes, FileType, Metadata, OpenOptions, Permissions, ReadDir,
    TryLockError,
};
use greenstd::os::unix::fs::{DirBuilderExt, DirEntryExt, FileExt, OpenOptionsExt};
use std::error::Error;
use std::fmt::Debug;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process::Stdio;

fn is_plain<T: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static>() {}
fn is_a_stream<T: Read + Write + Seek>() {}
fn is_a_descriptor<T>()
where
    T: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd> + Into<Stdio>,
    T: From<std::fs::File> + Into<std::fs::File> + FileExt,
{
}

#[test]
fn types_have_the_traits_of_std_s() {
    is_plain::<File>();
    is_plain::<OpenOptions>();
    is_plain::<DirBuilder>();
    is_plain::<DirEntry>();
    is_plain::<ReadDir>();
    is_a_stream::<File>();
    is_a_stream::<&File>();
    is_a_descriptor::<File>();
    fn of_options<T: Clone + OpenOptionsExt>() {}
    of_options::<OpenOptions>();
    fn of_builders<T: DirBuilderExt>() {}
    of_builders::<DirBuilder>();
    fn of_entries<T: DirEntryExt>() {}
    of_entries::<DirEntry>();
    fn of_directories<T: Iterator<Item = std::io::Result<DirEntry>>>() {}
    of_directories::<ReadDir>();
    fn of_errors<T: Error + Into<std::io::Error>>() {}
    of_errors::<TryLockError>();
}

#[test]
fn types_that_wait_for_nothing_are_std_s() {
    let _: fn(FileTimes) -> std::fs::FileTimes = |times| times;
    let _: fn(FileType) -> std::fs::FileType = |kind| kind;
    let _: fn(Metadata) -> std::fs::Metadata = |metadata| metadata;
    let _: fn(Permissions) -> std::fs::Permissions = |permissions| permissions;
}
