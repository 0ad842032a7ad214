//! The signatures of std's files, streams and child processes, and the traits that they implement.

use super::std;
use std::ffi::{OsStr, OsString};
use std::fmt::Debug;
use std::fs::{
    self, DirBuilder, DirEntry, File, FileTimes, FileType, Metadata, OpenOptions, Permissions,
    ReadDir, TryLockError,
};
use std::io::{
    self, BufRead, Empty, IsTerminal, Lines, PipeReader, PipeWriter, Read, Seek, Sink, Stderr,
    StderrLock, Stdin, StdinLock, Stdout, StdoutLock, Write,
};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, DirEntryExt, FileExt, OpenOptionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{
    self, Child, ChildStderr, ChildStdin, ChildStdout, Command, CommandArgs, CommandEnvs,
    ExitStatus, Output, Stdio,
};
use std::time::SystemTime;

type Text = &'static str;
type Done = io::Result<()>;
type Changed<T> = fn(&mut T, bool) -> &mut T;

signatures! {
    fs::canonicalize::<Text> => fn(Text) -> io::Result<PathBuf>;
    fs::copy::<Text, Text> => fn(Text, Text) -> io::Result<u64>;
    fs::create_dir::<Text> => fn(Text) -> Done;
    fs::create_dir_all::<Text> => fn(Text) -> Done;
    fs::exists::<Text> => fn(Text) -> io::Result<bool>;
    fs::hard_link::<Text, Text> => fn(Text, Text) -> Done;
    fs::metadata::<Text> => fn(Text) -> io::Result<Metadata>;
    fs::read::<Text> => fn(Text) -> io::Result<Vec<u8>>;
    fs::read_dir::<Text> => fn(Text) -> io::Result<ReadDir>;
    fs::read_link::<Text> => fn(Text) -> io::Result<PathBuf>;
    fs::read_to_string::<Text> => fn(Text) -> io::Result<String>;
    fs::remove_dir::<Text> => fn(Text) -> Done;
    fs::remove_dir_all::<Text> => fn(Text) -> Done;
    fs::remove_file::<Text> => fn(Text) -> Done;
    fs::rename::<Text, Text> => fn(Text, Text) -> Done;
    fs::set_permissions::<Text> => fn(Text, Permissions) -> Done;
    fs::symlink_metadata::<Text> => fn(Text) -> io::Result<Metadata>;
    fs::write::<Text, Text> => fn(Text, Text) -> Done;
    symlink::<Text, Text> => fn(Text, Text) -> Done;
    chown::<Text> => fn(Text, Option<u32>, Option<u32>) -> Done;
    File::open::<Text> => fn(Text) -> io::Result<File>;
    File::create::<Text> => fn(Text) -> io::Result<File>;
    File::create_new::<Text> => fn(Text) -> io::Result<File>;
    File::options => fn() -> OpenOptions;
    File::sync_all => fn(&File) -> Done;
    File::sync_data => fn(&File) -> Done;
    File::lock => fn(&File) -> Done;
    File::lock_shared => fn(&File) -> Done;
    File::try_lock => fn(&File) -> Result<(), TryLockError>;
    File::try_lock_shared => fn(&File) -> Result<(), TryLockError>;
    File::unlock => fn(&File) -> Done;
    File::set_len => fn(&File, u64) -> Done;
    File::metadata => fn(&File) -> io::Result<Metadata>;
    File::try_clone => fn(&File) -> io::Result<File>;
    File::set_permissions => fn(&File, Permissions) -> Done;
    File::set_times => fn(&File, FileTimes) -> Done;
    File::set_modified => fn(&File, SystemTime) -> Done;
    <File as FileExt>::read_at => fn(&File, &mut [u8], u64) -> io::Result<usize>;
    <File as FileExt>::write_at => fn(&File, &[u8], u64) -> io::Result<usize>;
    OpenOptions::new => fn() -> OpenOptions;
    OpenOptions::read => Changed<OpenOptions>;
    OpenOptions::write => Changed<OpenOptions>;
    OpenOptions::append => Changed<OpenOptions>;
    OpenOptions::truncate => Changed<OpenOptions>;
    OpenOptions::create => Changed<OpenOptions>;
    OpenOptions::create_new => Changed<OpenOptions>;
    OpenOptions::open::<Text> => fn(&OpenOptions, Text) -> io::Result<File>;
    <OpenOptions as OpenOptionsExt>::mode => fn(&mut OpenOptions, u32) -> &mut OpenOptions;
    DirBuilder::new => fn() -> DirBuilder;
    DirBuilder::recursive => Changed<DirBuilder>;
    DirBuilder::create::<Text> => fn(&DirBuilder, Text) -> Done;
    <DirBuilder as DirBuilderExt>::mode => fn(&mut DirBuilder, u32) -> &mut DirBuilder;
    DirEntry::path => fn(&DirEntry) -> PathBuf;
    DirEntry::metadata => fn(&DirEntry) -> io::Result<Metadata>;
    DirEntry::file_type => fn(&DirEntry) -> io::Result<FileType>;
    DirEntry::file_name => fn(&DirEntry) -> OsString;
    <DirEntry as DirEntryExt>::ino => fn(&DirEntry) -> u64;

    io::copy::<Empty, Sink> => fn(&mut Empty, &mut Sink) -> io::Result<u64>;
    io::pipe => fn() -> io::Result<(PipeReader, PipeWriter)>;
    io::read_to_string::<Empty> => fn(Empty) -> io::Result<String>;
    io::stdin => fn() -> Stdin;
    io::stdout => fn() -> Stdout;
    io::stderr => fn() -> Stderr;
    Stdin::lock => fn(&Stdin) -> StdinLock<'static>;
    Stdin::read_line => fn(&Stdin, &mut String) -> io::Result<usize>;
    Stdin::lines => fn(Stdin) -> Lines<StdinLock<'static>>;
    Stdout::lock => fn(&Stdout) -> StdoutLock<'static>;
    Stderr::lock => fn(&Stderr) -> StderrLock<'static>;
    PipeReader::try_clone => fn(&PipeReader) -> io::Result<PipeReader>;
    PipeWriter::try_clone => fn(&PipeWriter) -> io::Result<PipeWriter>;

    process::exit => fn(i32) -> !;
    process::abort => fn() -> !;
    process::id => fn() -> u32;
    Command::new::<Text> => fn(Text) -> Command;
    Command::arg::<Text> => fn(&mut Command, Text) -> &mut Command;
    Command::args::<[Text; 1], Text> => fn(&mut Command, [Text; 1]) -> &mut Command;
    Command::env::<Text, Text> => fn(&mut Command, Text, Text) -> &mut Command;
    Command::envs::<[(Text, Text); 1], Text, Text> =>
        fn(&mut Command, [(Text, Text); 1]) -> &mut Command;
    Command::env_remove::<Text> => fn(&mut Command, Text) -> &mut Command;
    Command::env_clear => fn(&mut Command) -> &mut Command;
    Command::current_dir::<Text> => fn(&mut Command, Text) -> &mut Command;
    Command::stdin::<Stdio> => fn(&mut Command, Stdio) -> &mut Command;
    Command::stdout::<File> => fn(&mut Command, File) -> &mut Command;
    Command::stderr::<PipeWriter> => fn(&mut Command, PipeWriter) -> &mut Command;
    Command::spawn => fn(&mut Command) -> io::Result<Child>;
    Command::output => fn(&mut Command) -> io::Result<Output>;
    Command::status => fn(&mut Command) -> io::Result<ExitStatus>;
    Command::get_program => fn(&Command) -> &OsStr;
    Command::get_args => fn(&Command) -> CommandArgs<'_>;
    Command::get_envs => fn(&Command) -> CommandEnvs<'_>;
    Command::get_current_dir => fn(&Command) -> Option<&Path>;
    <Command as CommandExt>::uid => fn(&mut Command, u32) -> &mut Command;
    <Command as CommandExt>::gid => fn(&mut Command, u32) -> &mut Command;
    <Command as CommandExt>::pre_exec::<fn() -> Done> =>
        unsafe fn(&mut Command, fn() -> Done) -> &mut Command;
    <Command as CommandExt>::exec => fn(&mut Command) -> io::Error;
    <Command as CommandExt>::arg0::<Text> => fn(&mut Command, Text) -> &mut Command;
    <Command as CommandExt>::process_group => fn(&mut Command, i32) -> &mut Command;
    Child::kill => fn(&mut Child) -> Done;
    Child::id => fn(&Child) -> u32;
    Child::wait => fn(&mut Child) -> io::Result<ExitStatus>;
    Child::try_wait => fn(&mut Child) -> io::Result<Option<ExitStatus>>;
    Child::wait_with_output => fn(Child) -> io::Result<Output>;
}

/// What is made of a descriptor and gives it back.
trait Owned: Debug + AsFd + AsRawFd + FromRawFd + IntoRawFd + From<OwnedFd> + Into<OwnedFd> {}

impl<T> Owned for T where
    T: Debug + AsFd + AsRawFd + FromRawFd + IntoRawFd + From<OwnedFd> + Into<OwnedFd>
{
}

/// What every thread may have.
trait Shared: Debug + Send + Sync + UnwindSafe + RefUnwindSafe {}

impl<T> Shared for T where T: Debug + Send + Sync + UnwindSafe + RefUnwindSafe {}

traits! {
    File => [Owned + Shared + Read + Write + Seek + FileExt + IsTerminal + Into<Stdio>];
    &'static File => [Read + Write + Seek];
    OpenOptions => [Clone + Shared];
    DirBuilder => [Shared];
    ReadDir => [Shared + Iterator<Item = io::Result<DirEntry>>];
    DirEntry => [Shared];
    PipeReader => [Owned + Shared + Read + Into<Stdio>];
    &'static PipeReader => [Read];
    PipeWriter => [Owned + Shared + Write + Into<Stdio>];
    &'static PipeWriter => [Write];
    Stdin => [AsFd + AsRawFd + IsTerminal + Read + Shared];
    &'static Stdin => [Read];
    StdinLock<'static> => [AsFd + AsRawFd + BufRead + Debug + IsTerminal + Read];
    Stdout => [AsFd + AsRawFd + IsTerminal + Shared + Write + Into<Stdio>];
    &'static Stdout => [Write];
    StdoutLock<'static> => [AsFd + AsRawFd + Debug + IsTerminal + Write];
    Stderr => [AsFd + AsRawFd + IsTerminal + Shared + Write + Into<Stdio>];
    &'static Stderr => [Write];
    StderrLock<'static> => [AsFd + AsRawFd + Debug + IsTerminal + Write];
    OwnedFd => [IsTerminal];
    Command => [Debug + Send + Sync];
    Child => [Shared];
    ChildStdin => [AsFd + AsRawFd + IntoRawFd + Shared + Write + From<OwnedFd> + Into<OwnedFd>
        + Into<Stdio>];
    &'static ChildStdin => [Write];
    ChildStdout => [AsFd + AsRawFd + IntoRawFd + Read + Shared + From<OwnedFd> + Into<OwnedFd>
        + Into<Stdio>];
    ChildStderr => [AsFd + AsRawFd + IntoRawFd + Read + Shared + From<OwnedFd> + Into<OwnedFd>
        + Into<Stdio>];
}

/// Its fields are public.
pub fn fields(child: Child) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
    (child.stdin, child.stdout, child.stderr)
}
