//! `File`: what random reads of 4 KiB cost, of a file that lies in the page cache, and of one that
//! does in part.
//!
//! `cached`: one reader, one read after the other. `hundred`: a hundred readers at once; the time
//! for each read. `cold_mix`: thirty-two readers of a file of which an eighth was dropped from the
//! cache, while fifty jobs of the pool sleep; without reading ahead. Each page carries its number,
//! which is checked. Ours and std read at an offset; tokio's files only know how to seek and read.

mod support;

use std::fs::File;
use std::io::{self, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};

use rustix::fs::{Advice, fadvise};
use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::{Green, NO_PANIC};
use support::lap::{Lap, median_of_repeats};
use support::on_tokio;
use support::ours::Ours;
use support::report::median;
use support::rounds::Bench;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

const FIGURE: &str = "ns";
const WRONG: &str = "a page is not the one that was asked for";

const PAGE_BYTES: usize = 4096;

/// Of so many parts of the file one is not in the cache.
const PARTS: u64 = 8;

/// Jobs that sleep on the pool of the same process in a cold mix.
const SLEEPERS: usize = 50;

/// One measurement: how the pages are read, of what, how often.
#[derive(Clone, Debug)]
struct Reads {
    path: PathBuf,
    pages: u64,
    parties: usize,
    calls: usize,
    is_cold: bool,
}

fn main() -> ExitCode {
    support::main("file_read", plan, measure)
}

fn plan(bench: &mut Bench) {
    let pages: u64 = bench.options.pick(1 << 30, 64 << 20) / PAGE_BYTES as u64;
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("file_read.pages");
    fill(&path, pages).expect("the disk has room for the file");
    let calls = bench.options.pick(200_000, 20_000);
    let rows = [("cached", 1, calls), ("hundred", 100, calls), ("cold_mix", 32, calls / 10)];
    for (case, parties, calls) in rows {
        for workers in [1, 2] {
            let row = format!("{case}_w{workers}");
            if !bench.options.wants_row(&row) {
                continue;
            }
            let tokio = if workers == 1 { System::TokioCurrent } else { System::TokioMulti };
            let contenders =
                [Contender::ours(), Contender::peer(System::Threads), Contender::peer(tokio)];
            let contenders = contenders.into_iter().map(|contender| {
                let contender = contender.with("case", case).with("path", path.display());
                let contender = contender.with("pages", pages).with("workers", workers);
                let contender = contender.with("parties", parties).with("calls", calls / parties);
                contender.with("repeats", bench.options.pick(5, 3))
            });
            let samples = bench.interleave(contenders.collect());
            bench.row(&row, "ns", &samples, FIGURE);
        }
    }
    drop(std::fs::remove_file(&path));
}

/// Writes a file whose pages carry their numbers.
fn fill(path: &Path, pages: u64) -> io::Result<()> {
    let mut file = io::BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut page = [0; PAGE_BYTES];
    for number in 0..pages {
        page[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&page)?;
    }
    // What is dirty cannot be dropped from the cache.
    file.into_inner()?.sync_all()
}

fn measure(job: &Job) -> Measurement {
    let reads = Reads {
        path: job.text("path").into(),
        pages: job.number("pages") as u64,
        parties: job.number("parties"),
        calls: job.number("calls"),
        is_cold: job.case() == "cold_mix",
    };
    let (workers, repeats) = (job.number("workers"), job.number("repeats"));
    let total = reads.parties * reads.calls;
    // The page cache may have lost it to a former row.
    let cached = io::copy(&mut File::open(&reads.path).expect("it was filled"), &mut io::sink());
    assert_eq!(cached.expect("it can be read"), reads.pages * PAGE_BYTES as u64);
    let nanos = match job.system() {
        System::Ours => Ours::run(workers, move || {
            let _sleepers = reads.is_cold.then(|| {
                sleepers(|sleep| {
                    drop(greenstd::blocking::default_pool().spawn(sleep));
                })
            });
            median_of_repeats(repeats, || run_ours(&reads))
        }),
        System::Threads => {
            let _sleepers = reads.is_cold.then(|| {
                sleepers(|sleep| {
                    std::thread::spawn(sleep);
                })
            });
            median_of_repeats(repeats, || run_threads(&reads))
        }
        tokio => on_tokio::run(tokio, workers, async move {
            let _sleepers = reads.is_cold.then(|| {
                sleepers(|sleep| {
                    tokio::task::spawn_blocking(sleep);
                })
            });
            let mut values = Vec::new();
            for _ in 0..=repeats {
                values.push(run_tasks(&reads).await);
            }
            median(values.split_off(1)).expect("a bench repeats at least once")
        }),
    };
    Measurement::of(FIGURE, nanos / total as f64)
}

/// Has jobs sleep until the sender goes.
fn sleepers(spawn: impl Fn(Box<dyn FnOnce() + Send>)) -> mpsc::Sender<()> {
    let (end, is_over) = mpsc::channel();
    let is_over = Arc::new(Mutex::new(is_over));
    for _ in 0..SLEEPERS {
        let is_over = is_over.clone();
        spawn(Box::new(move || {
            let sleeping = is_over.lock().map(|is_over| is_over.recv());
            drop(sleeping);
        }));
    }
    end
}

impl Reads {
    /// Has a part leave the cache, if that is what is measured.
    fn prepare(&self) {
        if self.is_cold {
            let file = File::open(&self.path).expect("it was filled");
            let part = self.pages * PAGE_BYTES as u64 / PARTS;
            fadvise(&file, 0, std::num::NonZero::new(part), Advice::DontNeed)
                .expect("it is a file");
        }
    }

    /// Says of an open file how it is read.
    fn advise(&self, file: impl std::os::fd::AsFd) {
        if self.is_cold {
            fadvise(file, 0, None, Advice::Random).expect("it is a file");
        }
    }

    /// The pages that a party reads.
    fn of_party(&self, party: usize) -> impl Iterator<Item = u64> + use<> {
        let (mut state, pages) = (party as u64 + 1, self.pages);
        (0..self.calls).map(move |_| {
            // Steps of Knuth's MMIX generator, whose upper bits are good.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % pages
        })
    }
}

fn check(page: &[u8], number: u64) {
    assert_eq!(page[..8], number.to_le_bytes(), "{WRONG}");
}

fn run_ours(reads: &Reads) -> f64 {
    reads.prepare();
    let lap = Lap::default();
    lap.enter();
    let parties: Vec<_> = (0..reads.parties)
        .map(|party| {
            let reads = reads.clone();
            Ours::spawn(move || {
                let file = greenstd::fs::File::open(&reads.path).expect("it was filled");
                reads.advise(&file);
                let mut page = [0; PAGE_BYTES];
                for number in reads.of_party(party) {
                    file.read_exact_at(&mut page, number * PAGE_BYTES as u64).expect("it is there");
                    check(&page, number);
                }
            })
        })
        .collect();
    parties.into_iter().for_each(Ours::join);
    lap.leave();
    lap.nanos()
}

fn run_threads(reads: &Reads) -> f64 {
    reads.prepare();
    let lap = Lap::default();
    lap.enter();
    let parties: Vec<_> = (0..reads.parties)
        .map(|party| {
            let reads = reads.clone();
            std::thread::spawn(move || {
                let file = File::open(&reads.path).expect("it was filled");
                reads.advise(&file);
                let mut page = [0; PAGE_BYTES];
                for number in reads.of_party(party) {
                    file.read_exact_at(&mut page, number * PAGE_BYTES as u64).expect("it is there");
                    check(&page, number);
                }
            })
        })
        .collect();
    parties.into_iter().for_each(|party| party.join().expect(NO_PANIC));
    lap.leave();
    lap.nanos()
}

async fn run_tasks(reads: &Reads) -> f64 {
    reads.prepare();
    let lap = Lap::default();
    lap.enter();
    let parties: Vec<_> = (0..reads.parties)
        .map(|party| {
            let reads = reads.clone();
            tokio::spawn(async move {
                let mut file = tokio::fs::File::open(&reads.path).await.expect("it was filled");
                // As much at once as is wanted: it reads 2 MiB else.
                file.set_max_buf_size(PAGE_BYTES);
                reads.advise(&file);
                let mut page = [0; PAGE_BYTES];
                for number in reads.of_party(party) {
                    let place = SeekFrom::Start(number * PAGE_BYTES as u64);
                    file.seek(place).await.expect("it is there");
                    file.read_exact(&mut page).await.expect("it is there");
                    check(&page, number);
                }
            })
        })
        .collect();
    for party in parties {
        party.await.expect(NO_PANIC);
    }
    lap.leave();
    lap.nanos()
}
