//! Random calls on files, beside a model of each in memory.

use crate::directory::Directory;
use crate::random::Random;
use greenstd::fs::{self, File, OpenOptions};
use greenstd::os::unix::fs::FileExt;
use std::io::{Read, Seek, SeekFrom, Write};

const FILES: usize = 16;
const CALLS: usize = 200;

/// Beyond what one call moves.
const LARGEST: u64 = 300_000;

/// A file, and what it should hold.
struct Modelled {
    file: File,
    bytes: Vec<u8>,
    position: usize,
}

laws! {
    green
    fn files_hold_what_was_written() {
        let mut random = Random::from_environment();
        let dirs = Directory::of_each_kind();
        let threads: Vec<_> = (0..FILES)
            .map(|number| {
                let path = dirs[number % dirs.len()].join(number.to_string());
                let mut random = random.fork();
                thread::spawn(move || {
                    let mut options = OpenOptions::new();
                    let file = options.read(true).write(true).create_new(true).open(&path).unwrap();
                    let mut modelled = Modelled { file, bytes: Vec::new(), position: 0 };
                    (0..CALLS).for_each(|_| modelled.call(&mut random));
                    assert!(fs::read(&path).unwrap() == modelled.bytes);
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

impl Modelled {
    fn call(&mut self, random: &mut Random) {
        let len = random.below(LARGEST) as usize >> random.below(12);
        let offset = random.below(LARGEST) as usize;
        match random.below(6) {
            0 => {
                let bytes = vec![random.next() as u8; len];
                self.file.write_all(&bytes).unwrap();
                self.put(&bytes, self.position);
                self.position += len;
            }
            1 => {
                let bytes = vec![random.next() as u8; len];
                self.file.write_all_at(&bytes, offset as u64).unwrap();
                self.put(&bytes, offset);
            }
            2 => {
                let mut read = vec![0; len];
                let count = self.file.read(&mut read).unwrap();
                assert!(read[..count] == self.from(self.position)[..count]);
                assert_eq!(count == 0, len == 0 || self.from(self.position).is_empty());
                self.position += count;
            }
            3 => {
                let mut read = vec![0; len.min(self.from(offset).len())];
                self.file.read_exact_at(&mut read, offset as u64).unwrap();
                assert!(self.from(offset).starts_with(&read));
            }
            4 => {
                self.file.set_len(offset as u64).unwrap();
                self.bytes.resize(offset, 0);
                assert_eq!(self.file.metadata().unwrap().len(), offset as u64);
            }
            _ => {
                let target = match random.below(3) {
                    0 => SeekFrom::Start(offset as u64),
                    1 => SeekFrom::Current(offset as i64 - self.position as i64),
                    _ => SeekFrom::End(offset as i64 - self.bytes.len() as i64),
                };
                assert_eq!(self.file.seek(target).unwrap(), offset as u64);
                self.position = offset;
            }
        }
    }

    fn from(&self, offset: usize) -> &[u8] {
        self.bytes.get(offset..).unwrap_or_default()
    }

    fn put(&mut self, bytes: &[u8], offset: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[offset..end].copy_from_slice(bytes);
    }
}
