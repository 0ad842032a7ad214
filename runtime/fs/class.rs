//! What kind of file a descriptor is, as far as the waits of its calls go.

use rustix::event::epoll;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, fstatfs};
use std::fs::File;
use std::io;

/// The file systems whose files are memory: `TMPFS_MAGIC` and `RAMFS_MAGIC` of statfs(2).
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// How the calls of a file may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// For a disk, which no reactor tells of: files, directories, block devices, and whatever else
    /// epoll refuses.
    Storage,
    /// Not at all: files of a memory file system.
    Memory,
    /// Not at all, for its user has set `O_NONBLOCK` on it: what else would be a stream.
    Nonblocking,
    /// For a peer, until the descriptor is ready: pipes and FIFOs.
    Pipe,
    /// For whoever sits there. To be re-opened as what does not block, unlike other devices.
    Terminal,
    /// For a peer or a device: sockets, masters of terminals, what else can be polled.
    Device,
}

impl Class {
    /// Looks at a file. Some file systems ask a server, so this is to be called where that is
    /// allowed.
    ///
    /// # Errors
    ///
    /// Those of `fstat(2)` and `fcntl(2)`.
    pub(super) fn of(file: &File) -> io::Result<Class> {
        let stat = fstat(file)?;
        let class = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if is_in_memory(file) => return Ok(Class::Memory),
            FileType::Fifo => Class::Pipe,
            FileType::CharacterDevice if is_terminal(file, stat.st_rdev) => Class::Terminal,
            FileType::Socket => Class::Device,
            FileType::CharacterDevice if can_be_polled(file) => Class::Device,
            _ => return Ok(Class::Storage),
        };
        let is_nonblocking = fcntl_getfl(file)?.contains(OFlags::NONBLOCK);
        Ok(if is_nonblocking { Class::Nonblocking } else { class })
    }
}

fn is_in_memory(file: &File) -> bool {
    // The type is signed on some platforms, and the numbers have 32 bits.
    fstatfs(file).is_ok_and(|system| IN_MEMORY.contains(&(system.f_type as u64 & 0xffff_ffff)))
}

/// A terminal, but not the master of one: re-opening the multiplexer makes a new master.
fn is_terminal(file: &File, device: u64) -> bool {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    // Numbers of the kernel's list of devices: 5:2 is /dev/ptmx, 2 are the masters of old.
    std::io::IsTerminal::is_terminal(file) && (major, minor) != (5, 2) && major != 2
}

/// Whether epoll takes the file, which is to say that its driver tells when it is ready.
fn can_be_polled(file: &File) -> bool {
    let Ok(set) = epoll::create(epoll::CreateFlags::CLOEXEC) else { return false };
    epoll::add(&set, file, epoll::EventData::new_u64(0), epoll::EventFlags::empty()).is_ok()
}
