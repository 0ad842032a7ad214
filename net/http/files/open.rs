//! Files beneath a folder, and nothing else.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, open, openat2};
use rustix::io::Errno;

/// A folder that is kept open.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    /// For kernels that do not know how to stay beneath a folder.
    path: std::path::PathBuf,
}

/// A FIFO is not waited for, and no terminal becomes that of the process.
const READING: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Root> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let path = path.canonicalize()?;
        Ok(Root { fd: open(&path, flags, Mode::empty())?, path })
    }

    /// Opens what `relative` names, if it is beneath the folder. Blocks as `open(2)` does.
    pub(super) fn file(&self, relative: &Path) -> io::Result<(File, Metadata)> {
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let fd = match openat2(&self.fd, relative, READING, Mode::empty(), beneath) {
            // Before Linux 5.6, and in some sandboxes.
            Err(Errno::NOSYS) => self.file_by_name(relative)?,
            outcome => outcome?,
        };
        let file = File::from(fd);
        let metadata = file.metadata()?;
        Ok((file, metadata))
    }

    /// By the name that it has without links. Who can change the folder meanwhile can cheat.
    fn file_by_name(&self, relative: &Path) -> io::Result<OwnedFd> {
        let path = self.path.join(relative).canonicalize()?;
        if !path.starts_with(&self.path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(rustix::fs::openat(CWD, path, READING | OFlags::NOFOLLOW, Mode::empty())?)
    }
}

#[cfg(test)]
mod tests {
    use super::Root;
    use std::io::{ErrorKind, Read};
    use std::path::Path;

    #[test]
    fn either_way_to_open_stays_beneath_the_folder() {
        let folder = std::env::temp_dir().join(format!("greenstd-root-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("root/inner")).unwrap();
        std::fs::write(folder.join("secret"), "secret").unwrap();
        std::fs::write(folder.join("root/inner/page"), "page").unwrap();
        std::os::unix::fs::symlink("inner/page", folder.join("root/good")).unwrap();
        std::os::unix::fs::symlink("../secret", folder.join("root/bad")).unwrap();
        let root = Root::open(&folder.join("root")).unwrap();
        for name in ["inner/page", "good"] {
            let mut text = String::new();
            root.file(Path::new(name)).unwrap().0.read_to_string(&mut text).unwrap();
            assert_eq!(text, "page");
            root.file_by_name(Path::new(name)).unwrap();
        }
        for name in ["bad", "../secret"] {
            let error = root.file(Path::new(name)).unwrap_err();
            assert!([ErrorKind::CrossesDevices, ErrorKind::NotFound].contains(&error.kind()));
            let error = root.file_by_name(Path::new(name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
