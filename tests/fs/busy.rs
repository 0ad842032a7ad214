//! Many files at once, and files beside other work that blocks.

use crate::directory::Directory;
use crate::fixture::{eventually, forget_cached, let_wait};
use greenstd::blocking::default_pool;
use greenstd::fs::{self, File, OpenOptions};
use greenstd::os::unix::fs::FileExt;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

/// More than the pool for files has threads.
const FIFOS: usize = 100;

static ALONE: Mutex<()> = Mutex::new(());

laws! {
    green
    fn two_hundred_threads_read_files_that_are_not_cached() {
        let dir = Directory::new();
        let contents = |number: usize| vec![number as u8; 50_000 + number];
        let readers: Vec<_> = (0..200)
            .map(|number| {
                let path = dir.file(&format!("file-{number}"), contents(number));
                forget_cached(std::fs::File::open(&path).unwrap());
                thread::spawn(move || {
                    let file = File::open(&path).unwrap();
                    let mut read = vec![0; 50_000 + number];
                    file.read_exact_at(&mut read, 0).unwrap();
                    assert!(read == contents(number) && fs::read(&path).unwrap() == read);
                })
            })
            .collect();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    }

    fn files_do_not_wait_for_jobs_that_sleep() {
        // Two of this test would wait for each other's threads.
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (end, is_over) = mpsc::channel::<()>();
        let is_over = Arc::new(Mutex::new(is_over));
        let begun = Arc::new(AtomicUsize::new(0));
        let jobs: Vec<_> = (0..default_pool().max_threads().max(50))
            .map(|_| {
                let (is_over, begun) = (is_over.clone(), begun.clone());
                default_pool().spawn(move || {
                    begun.fetch_add(1, Ordering::SeqCst);
                    is_over.lock().unwrap().recv().unwrap_err();
                })
            })
            .collect();
        eventually("the jobs sleep", || begun.load(Ordering::SeqCst) >= 50);
        let dir = Directory::new();
        let path = dir.join("file");
        fs::write(&path, vec![7; 300_000]).unwrap();
        forget_cached(std::fs::File::open(&path).unwrap());
        assert!(fs::read(&path).unwrap() == vec![7; 300_000]);
        assert!(jobs.iter().all(|job| !job.is_finished()));
        drop(end);
        jobs.into_iter().for_each(|job| job.join().unwrap());
    }

    fn files_do_not_wait_for_openings_that_wait() {
        let dir = Directory::new();
        let readers: Vec<_> = (0..FIFOS)
            .map(|number| {
                let path = dir.fifo(&format!("fifo-{number}"));
                thread::spawn(move || fs::read_to_string(path).unwrap())
            })
            .collect();
        let_wait();
        let path = dir.join("file");
        fs::write(&path, "contents").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"contents");
        assert!(readers.iter().all(|reader| !reader.is_finished()));
        for number in 0..FIFOS {
            let mut options = OpenOptions::new();
            let mut writer = options.write(true).open(dir.join(format!("fifo-{number}"))).unwrap();
            writer.write_all(number.to_string().as_bytes()).unwrap();
        }
        for (number, reader) in readers.into_iter().enumerate() {
            assert_eq!(reader.join().unwrap(), number.to_string());
        }
    }

    fn a_reader_of_cached_bytes_does_not_keep_its_worker() {
        let dir = Directory::new();
        let file = Arc::new(File::open(dir.file("file", vec![1; 1 << 20])).unwrap());
        let reader = thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            loop {
                file.read_exact_at(&mut buffer, 0).unwrap();
            }
        });
        // Comes back only if the reader, which never has to wait, lets others run.
        for _ in 0..100 {
            thread::yield_now();
        }
        assert!(reader.kill_and_wait(crate::fixture::SOON).unwrap());
    }
}
