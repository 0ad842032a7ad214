//! No descriptor is left behind, whatever ends the calls. Each test has a process of its own, whose
//! descriptors it can count.

use crate::child;
use crate::directory::Directory;
use crate::fifo::ends;
use crate::fixture::{SOON, descriptors, eventually};
use crate::random::Random;
use greenstd::fs::{self, File, OpenOptions};
use greenstd::runtime::Builder;
use greenstd::thread;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

#[test]
fn files_and_streams_are_closed() {
    child::succeed(|| {
        on_each(|dir| {
            let path = dir.file("file", vec![1; 300_000]);
            for _ in 0..20 {
                let mut file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
                file.read_exact(&mut [0; 9]).unwrap();
                file.try_clone().unwrap().write_all(b"x").unwrap();
                assert!(fs::read_dir(&**dir).unwrap().next().unwrap().is_ok());
                drop(File::open(dir.join("missing")));
                let (mut reader, mut writer) = ends(&dir.fifo("fifo"));
                let reading = thread::spawn(move || reader.read(&mut [0; 9]).unwrap());
                thread::yield_now();
                writer.write_all(b"through a FIFO").unwrap();
                assert_eq!(reading.join().unwrap(), 9);
                fs::remove_file(dir.join("fifo")).unwrap();
            }
        })
    });
}

#[test]
fn killed_callers_leave_none_open() {
    child::succeed(|| {
        let mut random = Random::from_environment();
        let seeds: Vec<u64> = (0..150).map(|_| random.next()).collect();
        on_each(move |dir| {
            let path = dir.file("file", vec![1; 300_000]);
            for &seed in &seeds {
                let (path, dir) = (path.clone(), dir.to_path_buf());
                let caller = thread::spawn(move || work(&path, &dir));
                thread::sleep(Duration::from_micros(seed % 700));
                assert!(caller.kill_and_wait(SOON).unwrap());
                drop(caller.join());
            }
        });
    });
}

/// Opens files and directories again and again.
fn work(path: &Path, dir: &Path) {
    loop {
        let mut file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        file.write_all(&[1; 5000]).unwrap();
        file.read_exact(&mut [0; 5000]).unwrap();
        file.try_clone().unwrap().sync_data().unwrap();
        assert!(fs::read_dir(dir).unwrap().next().unwrap().is_ok());
        assert!(fs::read(path).unwrap().len() >= 300_000);
    }
}

fn on_each(law: impl Fn(&Directory) + Clone + Send + 'static) {
    for workers in [1, 2] {
        let dir = Directory::new();
        // With what stays: pools, and whatever the system keeps open.
        let before = descriptors();
        let runtime = Builder::new().workers(workers).build().unwrap();
        let law = law.clone();
        runtime.run(move || law(&dir));
        runtime.shutdown();
        // The pool may still be about to close what was abandoned.
        eventually("all is closed", || descriptors() <= before);
    }
}
