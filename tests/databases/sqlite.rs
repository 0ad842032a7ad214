//! SQLite: a file, several connections, and locks that block the thread which wants them.

use crate::fixture::{CONNECTIONS, CROWD, Clock, SOON, crowd, descriptors};
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::resource::{Builder, Condition, GetError, Manage, ResourcePool};
use rusqlite::{Connection, TransactionBehavior};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process};

/// Connections to one file.
pub struct Sqlite {
    path: PathBuf,
}

impl Manage for Sqlite {
    type Resource = Connection;
    type Error = rusqlite::Error;

    fn create(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        // Blocks the thread, of the pool, while another connection writes.
        connection.busy_timeout(SOON)?;
        connection.execute_batch("pragma journal_mode = wal; pragma synchronous = off")?;
        Ok(connection)
    }

    fn check(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        connection.query_row("select 1", [], |_| Ok(()))
    }

    fn condition(&self, connection: &mut Connection) -> Condition {
        if connection.is_autocommit() { Condition::Ready } else { Condition::Dirty }
    }

    fn clean(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        connection.execute_batch("rollback")
    }
}

/// A file that is removed in the end, and its pool.
pub struct Database {
    pub pool: ResourcePool<Sqlite>,
    folder: PathBuf,
}

impl Database {
    pub fn new(connections: usize) -> Database {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let folder = env::temp_dir().join(format!("greenstd-{}-{number}", process::id()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("test.db");
        let pool = Builder::new(Sqlite { path }).max(connections).build();
        let schema = "create table entry (owner integer, amount integer) strict";
        pool.with(move |connection| connection.execute_batch(schema)).unwrap().unwrap();
        Database { pool, folder }
    }

    /// How many rows there are, and their sum.
    pub fn total(&self) -> (i64, i64) {
        let select = "select count(*), coalesce(sum(amount), 0) from entry";
        self.pool
            .with(move |connection| {
                connection.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?)))
            })
            .unwrap()
            .unwrap()
    }

    /// All connections can be had at once, and none is left in the end.
    pub fn audit(&self) {
        let all: Vec<_> =
            (0..self.pool.max()).map(|_| self.pool.get_timeout(SOON).unwrap()).collect();
        assert!(matches!(self.pool.get_timeout(Duration::ZERO), Err(GetError::TimedOut)));
        drop(all);
        self.pool.close();
        assert!(self.pool.join(SOON), "a connection was lost");
        assert_eq!(descriptors(&self.folder.to_string_lossy()), 0, "a descriptor was lost");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub fn insert(connection: &Connection, owner: usize, amount: i64) -> rusqlite::Result<usize> {
    let insert = "insert into entry (owner, amount) values (?1, ?2)";
    connection.prepare(insert)?.execute((owner as i64, amount))
}

fn two_hundred_share_eight(workers: usize) {
    on_workers(workers, || {
        let database = Database::new(CONNECTIONS);
        let (pool, clock) = (database.pool.clone(), Clock::start());
        let sums = crowd(move |owner| {
            for amount in 0..10 {
                let written = pool.with(move |connection| {
                    let kind = TransactionBehavior::Immediate;
                    let transaction = connection.transaction_with_behavior(kind)?;
                    insert(&transaction, owner, amount)?;
                    insert(&transaction, owner, -1)?;
                    transaction.commit()
                });
                written.unwrap().unwrap();
            }
            let select = "select sum(amount) from entry where owner = ?1";
            let sum = pool.with(move |connection| {
                connection.query_row(select, [owner as i64], |row| row.get::<_, i64>(0))
            });
            sum.unwrap().unwrap()
        });
        let gap = clock.longest_gap();
        assert!(sums.iter().all(|&sum| sum == 45 - 10), "{sums:?}");
        assert_eq!(database.total(), (CROWD as i64 * 20, CROWD as i64 * 35));
        let left = database.pool.statistics();
        assert!(left.created <= CONNECTIONS as u64, "{left:?}");
        assert!(gap < Duration::from_secs(2), "the ticker waited {gap:?}");
        database.audit();
    });
}

#[test]
fn two_hundred_share_eight_connections_on_one_worker() {
    two_hundred_share_eight(1);
}

#[test]
fn two_hundred_share_eight_connections_on_two_workers() {
    two_hundred_share_eight(2);
}

/// SQLite waits for its locks by sleeping, in C.
#[test]
fn who_waits_for_a_lock_of_the_database_blocks_no_worker() {
    on_workers(1, || {
        let database = Database::new(2);
        let mut holder = database.pool.get().unwrap();
        holder.run(|connection| connection.execute_batch("begin immediate")).unwrap();
        let pool = database.pool.clone();
        let waiter = greenstd::thread::spawn(move || {
            pool.with(|connection| insert(connection, 1, 1)).unwrap().unwrap()
        });
        let clock = Clock::start();
        let start = Instant::now();
        greenstd::thread::sleep(Duration::from_millis(300));
        assert!(!waiter.is_finished());
        // Were the worker blocked, this would come after the busy timeout of 20 seconds.
        assert!(start.elapsed() < SOON / 2);
        assert!(clock.longest_gap() < Duration::from_secs(2));
        holder.run(|connection| connection.execute_batch("commit")).unwrap();
        assert_eq!(waiter.join().unwrap(), 1);
        drop(holder);
        assert_eq!(database.total(), (1, 1));
        database.audit();
    });
}

#[test]
fn os_threads_and_green_threads_share_a_pool() {
    let database = Database::new(2);
    let workers: Vec<_> = (0..4)
        .map(|owner| {
            let pool = database.pool.clone();
            std::thread::spawn(move || {
                for _ in 0..20 {
                    let mut connection = pool.get().unwrap();
                    // An OS thread may block, so it may use the connection itself, too.
                    insert(&connection, owner, 1).unwrap();
                    connection.run(move |connection| insert(connection, owner, 1)).unwrap();
                }
            })
        })
        .collect();
    let pool = database.pool.clone();
    on_workers(2, move || {
        crowd(move |owner| pool.with(move |it| insert(it, owner, 1)).unwrap().unwrap());
    });
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert_eq!(database.total(), (160 + CROWD as i64, 160 + CROWD as i64));
    database.audit();
}

/// Each transaction is done in full or not at all, whoever is killed.
#[test]
fn writers_that_are_killed_at_any_moment_leave_no_half_transaction() {
    let mut random = Random::from_environment();
    on_workers(2, move || {
        let database = Database::new(4);
        let writers: Vec<_> = (0..40)
            .map(|owner| {
                let pool = database.pool.clone();
                greenstd::thread::spawn(move || {
                    loop {
                        let mut connection = pool.get().unwrap();
                        connection.run(|it| it.execute_batch("begin immediate")).unwrap();
                        connection.run(move |it| insert(it, owner, 1)).unwrap();
                        connection.run(move |it| insert(it, owner, -1)).unwrap();
                        connection.run(|it| it.execute_batch("commit")).unwrap();
                    }
                })
            })
            .collect();
        for writer in &writers {
            greenstd::thread::sleep(Duration::from_micros(random.below(10_000)));
            writer.kill().unwrap();
        }
        writers.into_iter().for_each(|writer| assert!(writer.join().is_err()));
        let (rows, sum) = database.total();
        assert_eq!((rows % 2, sum), (0, 0));
        database.audit();
    });
}
