//! Files and directories: trees, positions, appends from many threads, locks, links, times.

use super::std::{self, println};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

const WRITERS: usize = 20;

pub fn main() -> io::Result<()> {
    let folder = Folder::new()?;
    tree(&folder.0)?;
    positions(&folder.0)?;
    appends(&folder.0)?;
    locks(&folder.0)?;
    links_and_times(&folder.0)?;
    errors(&folder.0);
    Ok(())
}

/// Goes away with all that is in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Folder> {
        let name = format!("mirror-files-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it is there until now");
    }
}

fn tree(folder: &Path) -> io::Result<()> {
    for (path, text) in [("a/one", "1"), ("a/b/two", "22"), ("a/b/c/three", "333")] {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("it is in a folder"))?;
        fs::write(path, text)?;
    }
    fn walk(folder: &Path, found: &mut BTreeSet<(OsString, u64)>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                walk(&entry.path(), found)?;
            } else {
                found.insert((entry.file_name(), entry.metadata()?.len()));
            }
        }
        Ok(())
    }
    let mut found = BTreeSet::new();
    walk(folder, &mut found)?;
    println!("{found:?}");
    fs::rename(folder.join("a/one"), folder.join("a/b/one"))?;
    println!("{:?}", fs::read_to_string(folder.join("a/b/one"))?);
    println!("{} bytes copied", fs::copy(folder.join("a/b/two"), folder.join("copy"))?);
    fs::remove_dir_all(folder.join("a"))?;
    println!(
        "gone: {}, left: {}",
        !fs::exists(folder.join("a"))?,
        fs::exists(folder.join("copy"))?
    );
    Ok(())
}

fn positions(folder: &Path) -> io::Result<()> {
    let path = folder.join("positions");
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    file.write_all(b"0123456789")?;
    file.seek(SeekFrom::Start(3))?;
    let mut three = [0; 3];
    file.read_exact(&mut three)?;
    file.write_at(b"X", 0)?;
    println!("{three:?} at {}", file.stream_position()?);
    let mut end = [0; 4];
    file.read_exact_at(&mut end, 6)?;
    file.set_len(12)?;
    file.sync_all()?;
    file.rewind()?;
    println!("{end:?}, {:?}", io::read_to_string(&file)?);
    let mut clone = file.try_clone()?;
    clone.seek(SeekFrom::End(-2))?;
    println!("clones share the position: {}", (&file).stream_position()?);
    Ok(())
}

fn appends(folder: &Path) -> io::Result<()> {
    let path = folder.join("log");
    let log = Arc::new(OpenOptions::new().append(true).create(true).open(&path)?);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let log = Arc::clone(&log);
            thread::spawn(move || -> io::Result<()> {
                for entry in 0..10 {
                    (&*log).write_all(format!("writer {writer} entry {entry}\n").as_bytes())?;
                }
                Ok(())
            })
        })
        .collect();
    crate::crowd::is_here(0);
    for writer in writers {
        writer.join().expect("it does not panic")?;
    }
    let mut lines: Vec<_> = BufReader::new(File::open(&path)?).lines().collect::<Result<_, _>>()?;
    lines.sort();
    println!("{} lines, from {:?} to {:?}", lines.len(), lines[0], lines[lines.len() - 1]);
    let mut writer = BufWriter::new(File::create(&path)?);
    (0..1_000).try_for_each(|number| writeln!(writer, "{number}"))?;
    writer.into_inner()?.sync_data()?;
    println!("{} bytes", fs::read(&path)?.len());
    Ok(())
}

fn locks(folder: &Path) -> io::Result<()> {
    let path = folder.join("lock");
    let (one, two) = (File::create(&path)?, File::open(&path)?);
    one.lock()?;
    println!("taken: {}", matches!(two.try_lock(), Err(fs::TryLockError::WouldBlock)));
    let waiter = thread::spawn(move || two.lock().and_then(|()| two.unlock()));
    thread::sleep(Duration::from_millis(5));
    println!("waits: {}", !waiter.is_finished());
    one.unlock()?;
    waiter.join().expect("it does not panic")?;
    one.try_lock_shared().expect("it is free");
    Ok(())
}

fn links_and_times(folder: &Path) -> io::Result<()> {
    let (file, link) = (folder.join("file"), folder.join("link"));
    fs::write(&file, "text")?;
    std::os::unix::fs::symlink(&file, &link)?;
    fs::hard_link(&file, folder.join("other"))?;
    println!("{}", fs::symlink_metadata(&link)?.is_symlink() && fs::read_link(&link)? == file);
    println!("{} names, {}", fs::metadata(&link)?.nlink(), fs::canonicalize(&link)? == file);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640))?;
    println!("{:o}", fs::metadata(&file)?.permissions().mode() & 0o777);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    File::options().write(true).open(&file)?.set_modified(time)?;
    println!("{}", fs::metadata(&file)?.modified()? == time);
    Ok(())
}

fn errors(folder: &Path) {
    let kinds: [io::Result<()>; 5] = [
        File::open(folder.join("nothing")).map(drop),
        File::create_new(folder.join("file")).map(drop),
        fs::create_dir(folder),
        fs::remove_dir(folder),
        fs::read_dir(folder.join("file")).map(drop),
    ];
    let kinds: Vec<ErrorKind> = kinds.into_iter().map(|kind| kind.unwrap_err().kind()).collect();
    println!("{kinds:?}");
}
