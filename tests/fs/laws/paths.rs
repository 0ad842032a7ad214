//! Functions of paths: names, links, copies.

use std::io::ErrorKind;
use std::path::Path;

use super::fixture::{LARGE, bytes, in_each};
use super::fs;
use super::unix::{self, MetadataExt, PermissionsExt};

#[test]
fn renaming_replaces() {
    in_each(|dir| {
        let (from, to) = (dir.file("from", "new"), dir.file("to", "old"));
        fs::rename(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
        assert_eq!(fs::rename(&from, &to).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn copies_have_contents_and_permissions() {
    in_each(|dir| {
        let from = dir.file("from", bytes(LARGE));
        fs::set_permissions(&from, fs::Permissions::from_mode(0o640)).unwrap();
        let to = dir.file("to", "longer than nothing");
        assert_eq!(fs::copy(&from, &to).unwrap(), LARGE as u64);
        assert!(fs::read(&to).unwrap() == bytes(LARGE));
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o640);
        let missing = fs::copy(dir.join("missing"), dir.join("nothing"));
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!fs::exists(dir.join("nothing")).unwrap());
        let directory: &Path = dir;
        assert!(fs::copy(directory, dir.join("nothing")).is_err());
    });
}

#[test]
fn hard_links_are_the_same_file() {
    in_each(|dir| {
        let (one, two) = (dir.file("one", "contents"), dir.join("two"));
        fs::hard_link(&one, &two).unwrap();
        let [a, b] = [&one, &two].map(|path| fs::metadata(path).unwrap());
        assert_eq!((a.ino(), a.nlink()), (b.ino(), 2));
        assert_eq!(fs::hard_link(&one, &two).unwrap_err().kind(), ErrorKind::AlreadyExists);
        fs::remove_file(&one).unwrap();
        assert_eq!(fs::read(&two).unwrap(), b"contents");
        assert_eq!(fs::remove_file(&one).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn symbolic_links_lead_somewhere_or_nowhere() {
    in_each(|dir| {
        let file = dir.file("file", "contents");
        unix::symlink(&file, dir.join("link")).unwrap();
        #[allow(deprecated, reason = "it is still there")]
        fs::soft_link("nowhere", dir.join("dangling")).unwrap();
        assert_eq!(fs::read_link(dir.join("link")).unwrap(), file);
        assert_eq!(fs::read_link(dir.join("dangling")).unwrap(), Path::new("nowhere"));
        assert_eq!(fs::read_link(&file).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(fs::read(dir.join("link")).unwrap(), b"contents");
        assert_eq!(fs::canonicalize(dir.join("link")).unwrap(), fs::canonicalize(&file).unwrap());
        let dangling = dir.join("dangling");
        assert_eq!(fs::canonicalize(&dangling).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!fs::exists(&dangling).unwrap() && fs::exists(&file).unwrap());
        assert!(fs::symlink_metadata(&dangling).unwrap().is_symlink());
        unix::symlink("round", dir.join("round")).unwrap();
        let round = fs::read(dir.join("round")).unwrap_err();
        assert_eq!(round.raw_os_error(), Some(libc::ELOOP));
    });
}
