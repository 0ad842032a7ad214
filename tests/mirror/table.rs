//! Every item of the modules that are mirrored item by item: greenstd's, or std's very own because
//! it does not block.

use std::any::{TypeId, type_name, type_name_of_val};

/// One item, and what the compiler says about the two of its name.
pub struct Entry {
    pub module: &'static str,
    pub name: &'static str,
    /// The item of the mirror, with its path; empty where only its presence could be compiled.
    pub path: &'static str,
    /// Whether it is to be greenstd's.
    pub is_replaced: bool,
    /// Whether it is another one than std's, as far as that can be told.
    pub differs: Option<bool>,
}

/// Makes `entries()`. Types and functions are compared by their identity, traits by their bounds;
/// of what is `named` only the presence is certain, and tests of its own have to do with it.
macro_rules! table {
    ($(
        $module:literal = $path:tt {
            $(replaced types: $($own_type:ty),+;)?
            $(replaced functions: $($own_function:expr),+;)?
            $(replaced, named: $($own_name:ident)+;)?
            $(std types: $($type:ty),+;)?
            $(std functions: $($function:expr),+;)?
            $(std traits: $($trait:ident)+;)?
            $(std, named: $($name:ident)+;)?
        }
    )*) => {
        pub fn entries() -> Vec<Entry> {
            let mut entries = Vec::new();
            let mut enter = |module, tokens, path, is_replaced, differs| {
                let name = name(tokens);
                entries.push(Entry { module, name, path, is_replaced, differs });
            };
            $({
                $($({
                    let (path, differs) = types!($path $own_type);
                    enter($module, stringify!($own_type), path, true, Some(differs));
                })+)?
                $($({
                    let (path, differs) = functions!($path $own_function);
                    enter($module, stringify!($own_function), path, true, Some(differs));
                })+)?
                $($({
                    present!($path $own_name);
                    enter($module, stringify!($own_name), "", true, None);
                })+)?
                $($({
                    let (path, differs) = types!($path $type);
                    enter($module, stringify!($type), path, false, Some(differs));
                })+)?
                $($({
                    let (path, differs) = functions!($path $function);
                    enter($module, stringify!($function), path, false, Some(differs));
                })+)?
                $($({
                    same_trait!($path $trait);
                    enter($module, stringify!($trait), "", false, Some(false));
                })+)?
                $($({
                    present!($path $name);
                    enter($module, stringify!($name), "", false, None);
                })+)?
            })*
            entries
        }
    };
}

macro_rules! types {
    ([$($segment:ident)::*] $type:ty) => {{
        let plain = {
            use ::std::$($segment::)* *;
            TypeId::of::<$type>()
        };
        use greenstd::patch::std::$($segment::)* *;
        (type_name::<$type>(), TypeId::of::<$type>() != plain)
    }};
}

macro_rules! functions {
    ([$($segment:ident)::*] $function:expr) => {{
        let plain = {
            use ::std::$($segment::)* *;
            type_of(&$function)
        };
        use greenstd::patch::std::$($segment::)* *;
        (type_name_of_val(&$function), type_of(&$function) != plain)
    }};
}

macro_rules! same_trait {
    ([$($segment:ident)::*] $trait:ident) => {{
        // Does not compile unless either bound implies the other.
        #[allow(dead_code, reason = "to be compiled is enough")]
        fn mirrored<T: greenstd::patch::std::$($segment::)* $trait>() {
            fn plain<T: ::std::$($segment::)* $trait>() {}
            plain::<T>();
        }
    }};
}

macro_rules! present {
    ([$($segment:ident)::*] $name:ident) => {{
        #[allow(unused_imports, deprecated, reason = "to be compiled is enough")]
        use {::std::$($segment::)* $name as _, greenstd::patch::std::$($segment::)* $name as _};
    }};
}

fn type_of<T: 'static>(_: &T) -> TypeId {
    TypeId::of::<T>()
}

/// The name that a type or a function begins with.
fn name(tokens: &'static str) -> &'static str {
    let end = tokens.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tokens.len());
    &tokens[..end]
}

type Text = &'static str;
type Scoped = for<'scope> fn(&'scope Scope<'scope, 'static>);
use greenstd::patch::std::thread::Scope;

table! {
    "thread" = [thread] {
        replaced types: AccessError, Builder, JoinHandle<()>, LocalKey<()>, Scope<'static, 'static>,
            ScopedJoinHandle<'static, ()>, Thread, ThreadId;
        replaced functions: current, park, park_timeout, sleep, spawn::<fn(), ()>, yield_now;
        replaced, named: park_timeout_ms scope sleep_ms;
        std types: Result<()>;
        std functions: available_parallelism, panicking;
    }
    "sync" = [sync] {
        replaced types: Barrier, BarrierWaitResult, Condvar, LazyLock<()>, Mutex<()>,
            MutexGuard<'static, ()>, Once, OnceLock<()>, OnceState, RwLock<()>,
            RwLockReadGuard<'static, ()>, RwLockWriteGuard<'static, ()>, WaitTimeoutResult;
        replaced, named: ONCE_INIT;
        std types: Arc<()>, LockResult<()>, PoisonError<()>, TryLockError<()>, TryLockResult<()>,
            Weak<()>;
    }
    "sync::mpsc" = [sync::mpsc] {
        replaced types: IntoIter<()>, Iter<'static, ()>, Receiver<()>, Sender<()>, SyncSender<()>,
            TryIter<'static, ()>;
        replaced functions: channel::<()>, sync_channel::<()>;
        std types: RecvError, RecvTimeoutError, SendError<()>, TryRecvError, TrySendError<()>;
    }
    "net" = [net] {
        replaced types: Incoming<'static>, TcpListener, TcpStream, UdpSocket;
        replaced, named: ToSocketAddrs;
        std types: AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4,
            SocketAddrV6;
    }
    "os::unix::net" = [os::unix::net] {
        replaced types: Incoming<'static>, UnixDatagram, UnixListener, UnixStream;
        std types: SocketAddr;
    }
    "os::linux::net" = [os::linux::net] {
        replaced, named: TcpStreamExt;
        std traits: SocketAddrExt;
    }
    "fs" = [fs] {
        replaced types: DirBuilder, DirEntry, File, OpenOptions, ReadDir;
        replaced functions: canonicalize::<Text>, copy::<Text, Text>, create_dir::<Text>,
            create_dir_all::<Text>, exists::<Text>, hard_link::<Text, Text>, metadata::<Text>,
            read::<Text>, read_dir::<Text>, read_link::<Text>, read_to_string::<Text>,
            remove_dir::<Text>, remove_dir_all::<Text>, remove_file::<Text>, rename::<Text, Text>,
            set_permissions::<Text>, symlink_metadata::<Text>, write::<Text, Text>;
        replaced, named: soft_link;
        std types: FileTimes, FileType, Metadata, Permissions, TryLockError;
    }
    "os::unix::fs" = [os::unix::fs] {
        replaced functions: chown::<Text>, chroot::<Text>, fchown::<::std::fs::File>,
            lchown::<Text>, symlink::<Text, Text>;
        std traits: DirBuilderExt DirEntryExt FileExt FileTypeExt MetadataExt OpenOptionsExt
            PermissionsExt;
    }
    "io" = [io] {
        replaced types: PipeReader, PipeWriter, Stderr, StderrLock<'static>, Stdin,
            StdinLock<'static>, Stdout, StdoutLock<'static>;
        replaced functions: copy::<Empty, Sink>, pipe, read_to_string::<Empty>, stderr, stdin,
            stdout;
        replaced, named: IsTerminal;
        std types: BufReader<()>, BufWriter<Sink>, Bytes<()>, Chain<(), ()>, Cursor<()>, Empty,
            Error, ErrorKind, IntoInnerError<()>, IoSlice<'static>, IoSliceMut<'static>,
            LineWriter<Sink>, Lines<()>, Repeat, Result<()>, SeekFrom, Sink, Split<()>, Take<()>,
            WriterPanicked;
        std functions: empty, repeat, sink;
        std traits: BufRead Read Seek Write;
    }
    "process" = [process] {
        replaced types: Child, ChildStderr, ChildStdin, ChildStdout, Command;
        std types: CommandArgs<'static>, CommandEnvs<'static>, ExitCode, ExitStatus, Output, Stdio;
        std functions: abort, exit, id;
        std traits: Termination;
    }
    "os::unix::process" = [os::unix::process] {
        replaced, named: CommandExt;
        std functions: parent_id;
        std traits: ExitStatusExt;
    }
    "os::unix::prelude" = [os::unix::prelude] {
        replaced, named: CommandExt;
        std types: BorrowedFd<'static>, OwnedFd, RawFd;
        std traits: AsFd AsRawFd DirEntryExt ExitStatusExt FileExt FileTypeExt FromRawFd IntoRawFd
            JoinHandleExt MetadataExt OpenOptionsExt OsStrExt OsStringExt PermissionsExt;
    }
    "macros" = [] {
        replaced, named: dbg eprint eprintln print println thread_local;
        std, named: assert assert_eq assert_ne cfg cfg_select column compile_error concat
            debug_assert debug_assert_eq debug_assert_ne env file format format_args include
            include_bytes include_str is_x86_feature_detected line matches module_path option_env
            panic stringify todo unimplemented unreachable vec write writeln;
    }
}

/// What the table only names: functions that are deprecated or too generic to be put there, traits,
/// a constant, and macros.
#[expect(deprecated, reason = "part of std's surface")]
pub fn named() -> Vec<(&'static str, &'static str)> {
    use greenstd::patch::std;
    use std::io::IsTerminal;
    use std::net::{TcpStream, ToSocketAddrs};
    use std::os::linux::net::TcpStreamExt;
    use std::os::unix::{prelude, process};
    use std::{io, sync, thread};
    std::thread_local! { static LOCAL: () = (); }
    let once: sync::Once = sync::ONCE_INIT;
    let local: &'static thread::LocalKey<()> = &LOCAL;
    vec![
        ("thread::park_timeout_ms", type_name_of_val(&thread::park_timeout_ms)),
        ("thread::sleep_ms", type_name_of_val(&thread::sleep_ms)),
        ("thread::scope", type_name_of_val(&thread::scope::<Scoped, ()>)),
        ("fs::soft_link", type_name_of_val(&std::fs::soft_link::<Text, Text>)),
        ("sync::ONCE_INIT", type_name_of_val(&once)),
        ("net::ToSocketAddrs", type_name_of_val(&<str as ToSocketAddrs>::to_socket_addrs)),
        ("io::IsTerminal", type_name_of_val(&<io::Stdout as IsTerminal>::is_terminal)),
        ("os::linux::net::TcpStreamExt", type_name_of_val(&<TcpStream as TcpStreamExt>::quickack)),
        (
            "os::unix::process::CommandExt",
            type_name_of_val(&<std::process::Command as process::CommandExt>::exec),
        ),
        (
            "os::unix::prelude::CommandExt",
            type_name_of_val(&<std::process::Command as prelude::CommandExt>::exec),
        ),
        ("macros::thread_local", type_name_of_val(local)),
    ]
}
