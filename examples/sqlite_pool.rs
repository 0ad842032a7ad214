//! Many green threads write to one SQLite file, and read from it, over a pool of connections.
//!
//! `sqlite_pool [FILE] [WRITERS]`: makes the table `pool_entry` anew in that file; without one, in
//! a file in the temporary folder, which is removed in the end.
//!
//! SQLite blocks the thread that calls it, for its locks above all. So each call is made on a
//! thread of the blocking pool, and only the green thread that asked is parked. Ends with code 1
//! if a sum in the database is not what was written.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::time::{Duration, Instant};
use std::{env, fs};

use greenstd::resource::{Builder, Condition, Manage, ResourcePool};
use greenstd::thread;
use rusqlite::{Connection, Result, TransactionBehavior};

/// More than one writer at a time there cannot be; the others read meanwhile.
const CONNECTIONS: usize = 8;

/// Transactions of each writer.
const TRANSACTIONS: i64 = 20;

struct Sqlite {
    file: PathBuf,
}

impl Manage for Sqlite {
    type Resource = Connection;
    type Error = rusqlite::Error;

    fn create(&self) -> Result<Connection> {
        let connection = Connection::open(&self.file)?;
        // How long a writer waits for the others before it gives up.
        connection.busy_timeout(Duration::from_secs(30))?;
        connection.execute_batch("pragma journal_mode = wal; pragma synchronous = normal")?;
        Ok(connection)
    }

    fn condition(&self, connection: &mut Connection) -> Condition {
        if connection.is_autocommit() { Condition::Ready } else { Condition::Dirty }
    }

    fn clean(&self, connection: &mut Connection) -> Result<()> {
        connection.execute_batch("rollback")
    }
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let file = arguments.next().map(PathBuf::from);
    let writers = arguments.next().map_or(Ok(200), |writers| writers.parse());
    let Ok(writers) = writers else {
        eprintln!("usage: sqlite_pool [FILE] [WRITERS]");
        return ExitCode::from(2);
    };
    let folder = env::temp_dir().join(format!("sqlite_pool-{}", process::id()));
    let outcome = match file {
        Some(file) => run(&file, writers),
        None => fs::create_dir(&folder)
            .map_err(Into::into)
            .and_then(|()| run(&folder.join("sqlite_pool.db"), writers)),
    };
    let _ = fs::remove_dir_all(&folder);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(file: &Path, writers: i64) -> std::result::Result<(), Box<dyn Error>> {
    let pool = Builder::new(Sqlite { file: file.to_owned() }).max(CONNECTIONS).build();
    pool.with(|connection| {
        connection.execute_batch(
            "drop table if exists pool_entry;
             create table pool_entry (writer integer, amount integer) strict",
        )
    })??;
    let start = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let pool = pool.clone();
            thread::spawn(move || write_and_read(&pool, writer).map_err(|error| error.to_string()))
        })
        .collect();
    let mut reads = 0;
    for task in tasks {
        reads += task.join().expect("a writer does not panic")?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let (rows, sum): (i64, i64) = pool.with(|connection| {
        let select = "select count(*), coalesce(sum(amount), 0) from pool_entry";
        connection.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?)))
    })??;
    let connections = pool.statistics().created;
    pool.close();
    pool.join(None);

    println!("{writers} green threads shared {connections} connections");
    println!(
        "{:.0} transactions and {:.0} reads a second",
        rows as f64 / seconds,
        reads as f64 / seconds
    );
    println!("{rows} rows, check sum {sum}");
    let expected = (writers * TRANSACTIONS, (0..writers).map(sum_of).sum());
    if (rows, sum) != expected || connections > CONNECTIONS as u64 {
        return Err(format!("expected {} rows, check sum {}", expected.0, expected.1).into());
    }
    Ok(())
}

/// Writes what is due, reads it back each time, and returns how often it has read.
fn write_and_read(
    pool: &ResourcePool<Sqlite>,
    writer: i64,
) -> std::result::Result<i64, Box<dyn Error>> {
    for round in 0..TRANSACTIONS {
        pool.with(move |connection| {
            // A transaction that begins as a reader could not wait for its turn to write.
            let kind = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(kind)?;
            let insert = "insert into pool_entry (writer, amount) values (?1, ?2)";
            transaction.execute(insert, (writer, amount(writer, round)))?;
            transaction.commit()
        })??;
        let rows: i64 = pool.with(move |connection| {
            let select = "select count(*) from pool_entry where writer = ?1";
            connection.query_row(select, [writer], |row| row.get(0))
        })??;
        if rows != round + 1 {
            return Err(format!("writer {writer} wrote {} rows and reads {rows}", round + 1).into());
        }
    }
    Ok(TRANSACTIONS)
}

fn amount(writer: i64, round: i64) -> i64 {
    (writer * 31 + round * 17) % 1000
}

fn sum_of(writer: i64) -> i64 {
    (0..TRANSACTIONS).map(|round| amount(writer, round)).sum()
}
