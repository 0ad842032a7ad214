//! Metadata, permissions, times.

use std::time::{Duration, SystemTime};

use super::fixture::in_each;
use super::fs::{self, File, FileTimes, OpenOptions};
use super::unix::{self, FileTypeExt, MetadataExt, PermissionsExt};

#[test]
fn metadata_tells_what_there_is() {
    in_each(|dir| {
        let path = dir.file("file", "contents");
        let metadata = File::open(&path).unwrap().metadata().unwrap();
        assert!(metadata.is_file() && metadata.len() == 8);
        let by_path = fs::metadata(&path).unwrap();
        assert_eq!((by_path.ino(), by_path.dev()), (metadata.ino(), metadata.dev()));
        unix::symlink(&path, dir.join("link")).unwrap();
        assert!(fs::metadata(dir.join("link")).unwrap().is_file());
        assert!(fs::symlink_metadata(dir.join("link")).unwrap().is_symlink());
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert!(fs::metadata(dir.fifo("fifo")).unwrap().file_type().is_fifo());
    });
}

#[test]
fn permissions_are_set() {
    in_each(|dir| {
        let path = dir.file("file", "");
        let mode =
            |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        assert_eq!(mode(&path), 0o604);
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        File::open(&path).unwrap().set_permissions(permissions).unwrap();
        assert_eq!(mode(&path), 0o404);
    });
}

#[test]
fn times_are_set() {
    in_each(|dir| {
        let path = dir.file("file", "");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let times = FileTimes::new().set_accessed(time + Duration::from_secs(1)).set_modified(time);
        file.set_times(times).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.modified().unwrap(), time);
        assert_eq!(metadata.accessed().unwrap(), time + Duration::from_secs(1));
        file.set_modified(time + Duration::from_secs(2)).unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!(metadata.modified().unwrap(), time + Duration::from_secs(2));
        assert_eq!(metadata.accessed().unwrap(), time + Duration::from_secs(1));
    });
}

#[test]
fn owners_are_set() {
    in_each(|dir| {
        let path = dir.file("file", "");
        let (uid, gid) = (fs::metadata(&path).unwrap().uid(), fs::metadata(&path).unwrap().gid());
        // To what they are: others only root may set.
        unix::chown(&path, Some(uid), None).unwrap();
        unix::lchown(&path, None, Some(gid)).unwrap();
        unix::fchown(File::open(&path).unwrap(), Some(uid), Some(gid)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().uid(), uid);
        let missing = unix::chown(dir.join("missing"), None, None).unwrap_err();
        assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    });
}
