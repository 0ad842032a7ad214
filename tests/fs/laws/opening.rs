//! Which options open what, and how they fail.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use super::fixture::in_each;
use super::fs::{self, File, OpenOptions};
use super::unix::{MetadataExt, OpenOptionsExt, PermissionsExt};

#[test]
fn a_missing_file_is_not_found() {
    in_each(|dir| {
        let path = dir.join("missing");
        assert_eq!(File::open(&path).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(File::open(&path).unwrap_err().raw_os_error(), Some(libc::ENOENT));
        let below = dir.join("missing/too");
        assert_eq!(File::create(below).unwrap_err().kind(), ErrorKind::NotFound);
        let under_a_file = dir.file("file", "").join("below");
        assert_eq!(File::open(under_a_file).unwrap_err().kind(), ErrorKind::NotADirectory);
    });
}

#[test]
fn create_new_refuses_what_exists() {
    in_each(|dir| {
        let path = dir.join("new");
        let mut file = File::create_new(&path).unwrap();
        file.write_all(b"mine").unwrap();
        assert_eq!(File::create_new(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        let again = OpenOptions::new().write(true).create_new(true).open(&path);
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
        std::os::unix::fs::symlink(dir.join("nowhere"), dir.join("dangling")).unwrap();
        let dangling = File::create_new(dir.join("dangling"));
        assert_eq!(dangling.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    });
}

#[test]
fn create_empties_what_exists() {
    in_each(|dir| {
        let path = dir.file("full", "contents");
        File::create(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        let path = dir.file("kept", "contents");
        OpenOptions::new().write(true).create(true).truncate(false).open(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"contents");
        OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    });
}

#[test]
fn options_that_contradict_each_other_are_invalid() {
    in_each(|dir| {
        let path = dir.file("file", "contents");
        let kind = |options: &OpenOptions| options.open(&path).unwrap_err().kind();
        assert_eq!(kind(&OpenOptions::new()), ErrorKind::InvalidInput);
        assert_eq!(kind(OpenOptions::new().read(true).create(true)), ErrorKind::InvalidInput);
        assert_eq!(kind(OpenOptions::new().read(true).truncate(true)), ErrorKind::InvalidInput);
        let append = kind(OpenOptions::new().append(true).truncate(true));
        assert_eq!(append, ErrorKind::InvalidInput);
        assert_eq!(std::fs::read(&path).unwrap(), b"contents");
    });
}

#[test]
fn a_path_with_a_nul_byte_is_invalid() {
    super::run(|| {
        let error = File::open("a\0b").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(fs::metadata("a\0b").unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_file_is_used_only_as_it_was_opened() {
    in_each(|dir| {
        let path = dir.file("file", "contents");
        let error = File::open(&path).unwrap().write(b"x").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        let error = File::create(dir.join("other")).unwrap().read(&mut [0]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        let error = File::open(&path).unwrap().set_len(0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_directory_can_be_opened_but_not_read() {
    in_each(|dir| {
        let path: &Path = dir;
        let mut file = File::open(path).unwrap();
        assert!(file.metadata().unwrap().is_dir());
        assert_eq!(file.read(&mut [0]).unwrap_err().kind(), ErrorKind::IsADirectory);
        let write = OpenOptions::new().write(true).open(path);
        assert_eq!(write.unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(fs::read(path).unwrap_err().kind(), ErrorKind::IsADirectory);
        file.sync_all().unwrap();
    });
}

#[test]
fn modes_and_flags_reach_the_kernel() {
    in_each(|dir| {
        let path = dir.join("private");
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).mode(0o640).open(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777 & !0o27, 0o640);
        assert_eq!(file.metadata().unwrap().uid(), fs::metadata(&path).unwrap().uid());
        std::os::unix::fs::symlink(&path, dir.join("link")).unwrap();
        let mut options = OpenOptions::new();
        let not_followed = options.read(true).custom_flags(libc::O_NOFOLLOW);
        let error = not_followed.open(dir.join("link")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        assert!(not_followed.clone().open(&path).is_ok());
    });
}

#[test]
fn debug_forms_are_those_of_std() {
    in_each(|dir| {
        let path = dir.file("file", "contents");
        let file = File::open(&path).unwrap();
        let form = format!("{file:?}");
        assert!(form.starts_with("File { fd: "), "{form}");
        assert!(form.contains(&format!("path: {path:?}, read: true, write: false")), "{form}");
        assert!(format!("{:?}", OpenOptions::new()).starts_with("OpenOptions("));
    });
}
