//! An open file, shared by its owner and the jobs that work on it.
//!
//! A job of the pool holds the descriptor while it runs, so a caller that gives up, and drops its
//! file, does not close it under the job. Whoever is left last closes it.
//!
//! # Invariants
//!
//! 1. Nobody waits for `position` on a worker: the kernel has such a lock for each open file
//!    itself, and a call that moves the position would wait there, for as long as the disk takes
//!    that another one waits for. Who finds it taken goes to the pool.
//! 2. The class is looked at by a thread that may block, once.

use super::class::Class;
use super::stream::Stream;
use super::threads;
use crate::park::Mutex;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

/// Linux 5.9 and 5.10 may return 0 for a read that would wait, as if the file ended there (BUGS of
/// preadv2(2)).
static IS_ZERO_UNTRUE: LazyLock<bool> = LazyLock::new(|| {
    let names = rustix::system::uname();
    let release = names.release().to_string_lossy();
    ["5.9.", "5.10."].iter().any(|version| release.starts_with(version))
});

#[derive(Debug)]
pub(super) struct Descriptor {
    pub(super) file: File,
    /// Held by whatever uses the position of the open file, which clones share.
    pub(super) position: Arc<Mutex<()>>,
    /// Whether the kernel has no read or write for this file that does not wait.
    pub(super) refuses: Refusals,
    class: OnceLock<Class>,
    pub(super) stream: OnceLock<Stream>,
}

/// What the kernel has refused once, and so will again.
#[derive(Debug)]
pub(super) struct Refusals {
    pub(super) reads: AtomicBool,
    pub(super) writes: AtomicBool,
}

impl Descriptor {
    /// Takes an open file over. No system call is made.
    pub(super) fn new(file: File) -> Arc<Descriptor> {
        Arc::new(Descriptor::with(file, Arc::default(), Refusals::new(), OnceLock::new()))
    }

    /// Takes over what the calling thread has opened, which may block.
    pub(super) fn opened(file: File) -> Arc<Descriptor> {
        let class = OnceLock::new();
        if let Ok(found) = Class::of(&file) {
            let _ = class.set(found);
        }
        Arc::new(Descriptor::with(file, Arc::default(), Refusals::new(), class))
    }

    fn with(
        file: File,
        position: Arc<Mutex<()>>,
        refuses: Refusals,
        class: OnceLock<Class>,
    ) -> Descriptor {
        Descriptor { file, position, refuses, class, stream: OnceLock::new() }
    }

    /// A second descriptor of the same open file.
    ///
    /// # Errors
    ///
    /// That of `fcntl(F_DUPFD_CLOEXEC)`.
    pub(super) fn try_clone(&self) -> io::Result<Arc<Descriptor>> {
        let file = self.file.try_clone()?;
        let refuses = Refusals {
            reads: AtomicBool::new(self.refuses.reads.load(Ordering::Relaxed)),
            writes: AtomicBool::new(self.refuses.writes.load(Ordering::Relaxed)),
        };
        let class = self.class.clone();
        Ok(Arc::new(Descriptor::with(file, self.position.clone(), refuses, class)))
    }

    /// The file alone. What waited for it is over, for there is no other owner.
    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// Runs a call on the file where it may block.
    ///
    /// # Errors
    ///
    /// Those of the call, and of the pool.
    pub(super) fn run<T: Send + 'static>(
        self: &Arc<Self>,
        call: impl FnOnce(&Descriptor) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let descriptor = self.clone();
        threads::run(move || call(&descriptor))
    }

    /// The class, if it is known by now.
    pub(super) fn known_class(&self) -> Option<Class> {
        self.class.get().copied()
    }

    /// The class.
    ///
    /// # Errors
    ///
    /// Those of the look at it.
    pub(super) fn class(self: &Arc<Self>) -> io::Result<Class> {
        match self.known_class() {
            Some(class) => Ok(class),
            None => {
                let class = self.run(|descriptor| Class::of(&descriptor.file))?;
                Ok(*self.class.get_or_init(|| class))
            }
        }
    }
}

impl Refusals {
    fn new() -> Refusals {
        let reads = AtomicBool::new(*IS_ZERO_UNTRUE);
        Refusals { reads, writes: AtomicBool::new(false) }
    }

    pub(super) fn any(&self) -> bool {
        self.reads.load(Ordering::Relaxed) || self.writes.load(Ordering::Relaxed)
    }
}
