//! What the laws are made of: paths, connected pairs, patience.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::net::{UnixDatagram, UnixListener, UnixStream};
use super::thread;

/// A number that no other test of this flavour has.
fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A name that nobody else has.
fn name() -> String {
    let flavour = module_path!().rsplit("::").nth(1).expect("a flavour");
    format!("greenstd-{}-{flavour}-{}", std::process::id(), number())
}

/// A folder of a test's own, removed when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        let path = std::env::temp_dir().join(name());
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    /// A path in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// An abstract address that nobody else has.
pub(super) fn abstract_address() -> SocketAddr {
    SocketAddr::from_abstract_name(name()).unwrap()
}

/// A listener at a path, and what removes that.
pub(super) fn listener() -> (UnixListener, PathBuf, Folder) {
    let folder = Folder::new();
    let path = folder.path("listener");
    (UnixListener::bind(&path).unwrap(), path, folder)
}

/// Both ends of a connection: the one that connected, the one that accepted.
pub(super) fn connection() -> (UnixStream, UnixStream) {
    let address = abstract_address();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let client = UnixStream::connect_addr(&address).unwrap();
    (client, listener.accept().unwrap().0)
}

/// A socket bound to a path.
pub(super) fn bound(folder: &Folder, name: &str) -> (UnixDatagram, PathBuf) {
    let path = folder.path(name);
    (UnixDatagram::bind(&path).unwrap(), path)
}

pub(super) fn assert_path(address: &SocketAddr, path: &Path) {
    assert_eq!(address.as_pathname(), Some(path));
}

/// Sleeps until `condition` holds; fails the law if it does not within ten seconds.
pub(super) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Long enough for a thread that was just started to be waiting in its call; a law must hold
/// without this, but would then test less.
pub(super) fn let_others_wait() {
    thread::sleep(Duration::from_millis(20));
}
