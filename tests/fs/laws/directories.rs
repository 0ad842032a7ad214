//! Directories: their making, their entries, their end.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;

use super::fixture::in_each;
use super::fs::{self, DirBuilder};
use super::unix::{self, DirBuilderExt, DirEntryExt, MetadataExt, PermissionsExt};

#[test]
fn each_entry_is_found_once() {
    in_each(|dir| {
        for count in [0, 1, 128, 129, 700] {
            let below = dir.join(format!("of-{count}"));
            fs::create_dir(&below).unwrap();
            let names: BTreeSet<OsString> =
                (0..count).map(|n| format!("entry-{n}").into()).collect();
            names.iter().for_each(|name| std::fs::write(below.join(name), "").unwrap());
            let entries: Vec<_> = fs::read_dir(&below).unwrap().map(Result::unwrap).collect();
            assert_eq!(entries.len(), count);
            assert_eq!(entries.iter().map(fs::DirEntry::file_name).collect::<BTreeSet<_>>(), names);
            for entry in entries.iter().take(3) {
                assert_eq!(entry.path(), below.join(entry.file_name()));
                assert!(entry.file_type().unwrap().is_file());
                assert_eq!(entry.metadata().unwrap().ino(), entry.ino());
                assert_eq!(format!("{entry:?}"), format!("DirEntry({:?})", entry.path()));
            }
        }
    });
}

#[test]
fn the_end_of_a_directory_stays() {
    in_each(|dir| {
        dir.file("file", "");
        let mut entries = fs::read_dir(&**dir).unwrap();
        assert_eq!(format!("{entries:?}"), format!("ReadDir({:?})", &**dir));
        assert!(entries.next().unwrap().is_ok());
        assert!(entries.next().is_none());
        assert!(entries.next().is_none());
    });
}

#[test]
fn entries_tell_their_types() {
    in_each(|dir| {
        let file = dir.file("file", "contents");
        fs::create_dir(dir.join("directory")).unwrap();
        unix::symlink(file, dir.join("link")).unwrap();
        unix::symlink("nowhere", dir.join("dangling")).unwrap();
        let mut kinds = fs::read_dir(&**dir)
            .unwrap()
            .map(Result::unwrap)
            .map(|entry| {
                let kind = entry.file_type().unwrap();
                assert_eq!(entry.metadata().unwrap().file_type(), kind, "no link is followed");
                let name = entry.file_name().into_string().unwrap();
                (name, kind.is_file(), kind.is_dir(), kind.is_symlink())
            })
            .collect::<Vec<_>>();
        kinds.sort();
        let all = kinds.iter().map(|kind| (kind.0.as_str(), kind.1, kind.2, kind.3));
        assert!(all.eq([
            ("dangling", false, false, true),
            ("directory", false, true, false),
            ("file", true, false, false),
            ("link", false, false, true),
        ]));
    });
}

#[test]
fn names_need_not_be_utf8() {
    in_each(|dir| {
        let name = OsStr::from_bytes(b"caf\xe9-\xff\xfe");
        let path = dir.join(name);
        fs::write(&path, "contents").unwrap();
        let entry = fs::read_dir(&**dir).unwrap().next().unwrap().unwrap();
        assert_eq!(entry.file_name(), name);
        assert_eq!(fs::read(entry.path()).unwrap(), b"contents");
        assert_eq!(fs::canonicalize(&path).unwrap().file_name(), Some(name));
        fs::rename(&path, dir.join("plain")).unwrap();
        assert!(fs::exists(dir.join("plain")).unwrap() && !fs::exists(&path).unwrap());
    });
}

#[test]
fn a_directory_may_go_while_it_is_read() {
    in_each(|dir| {
        let below = dir.join("below");
        fs::create_dir(&below).unwrap();
        (0..300).for_each(|n| std::fs::write(below.join(n.to_string()), "").unwrap());
        let mut entries = fs::read_dir(&below).unwrap();
        let first = entries.next().unwrap().unwrap();
        fs::remove_dir_all(&below).unwrap();
        // What was read before is still told; its end comes, and no error.
        assert!(entries.all(|entry| entry.is_ok()));
        assert_eq!(first.metadata().unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(fs::read_dir(&below).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn what_is_no_directory_has_no_entries() {
    in_each(|dir| {
        let error = fs::read_dir(dir.file("file", "")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
    });
}

#[test]
fn directories_are_made_and_removed() {
    in_each(|dir| {
        let (one, three) = (dir.join("one"), dir.join("one/two/three"));
        assert_eq!(fs::create_dir(&three).unwrap_err().kind(), ErrorKind::NotFound);
        fs::create_dir_all(&three).unwrap();
        fs::create_dir_all(&three).unwrap();
        assert_eq!(fs::create_dir(&one).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::remove_dir(&one).unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
        fs::remove_dir(&three).unwrap();
        assert_eq!(fs::remove_file(&one).unwrap_err().kind(), ErrorKind::IsADirectory);
        fs::remove_dir_all(&one).unwrap();
        assert_eq!(fs::remove_dir_all(&one).unwrap_err().kind(), ErrorKind::NotFound);
        let file = dir.file("file", "");
        assert_eq!(fs::remove_dir(&file).unwrap_err().kind(), ErrorKind::NotADirectory);
        assert_eq!(
            fs::create_dir_all(file.join("x")).unwrap_err().kind(),
            ErrorKind::NotADirectory
        );
    });
}

#[test]
fn builders_set_the_mode() {
    in_each(|dir| {
        let path = dir.join("a/b");
        let mut builder = DirBuilder::new();
        assert_eq!(builder.create(&path).unwrap_err().kind(), ErrorKind::NotFound);
        builder.mode(0o700).recursive(true).create(&path).unwrap();
        builder.create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    });
}

#[test]
fn links_are_not_followed_by_removal() {
    in_each(|dir| {
        let kept = dir.join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "contents").unwrap();
        let doomed = dir.join("doomed");
        fs::create_dir(&doomed).unwrap();
        unix::symlink(&kept, doomed.join("link")).unwrap();
        fs::remove_dir_all(&doomed).unwrap();
        assert_eq!(fs::read(kept.join("file")).unwrap(), b"contents");
    });
}
