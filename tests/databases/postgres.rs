//! PostgreSQL: green threads by the hundred, a handful of sessions.

use crate::fixture::{CONNECTIONS, CROWD, Clock, SOON, crowd, until};
use crate::flavour::on_workers;
use crate::server::{Observed, Postgres, table, url};
use greenstd::resource::{GetError, ResourcePool};
use greenstd::sync::Event;
use greenstd::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a query of the crowd sleeps.
const NAP: Duration = Duration::from_millis(100);

/// Sleeps on the server, and returns one more than `number`.
fn nap(pool: &ResourcePool<Postgres>, number: i32) -> Result<i32, String> {
    let row = pool.with(move |client| {
        client.query_one("select $1 + 1 from pg_sleep(0.1)", &[&number]).map(|row| row.get(0))
    });
    row.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

fn two_hundred_share_eight(workers: usize) {
    let Some(url) = url() else { return };
    let mut observed = Observed::new(&url, CONNECTIONS);
    let (pool, is_over) = (observed.pool.clone(), Arc::new(AtomicBool::new(false)));
    let ends = is_over.clone();
    let watcher = std::thread::spawn(move || {
        let mut most = 0;
        while !ends.load(Ordering::SeqCst) {
            most = most.max(observed.sessions());
            std::thread::sleep(Duration::from_millis(5));
        }
        (observed, most)
    });
    let (answers, took, gap) = on_workers(workers, move || {
        let (clock, start) = (Clock::start(), Instant::now());
        let answers = crowd(move |number| nap(&pool, number as i32).unwrap());
        (answers, start.elapsed(), clock.longest_gap())
    });
    is_over.store(true, Ordering::SeqCst);
    let (observed, most) = watcher.join().unwrap();
    assert!(answers.into_iter().eq(1..=CROWD as i32));
    assert_eq!(most, CONNECTIONS, "sessions at once");
    assert_eq!(observed.pool.statistics().created, CONNECTIONS as u64);
    // One after the other they would take 20 seconds, on eight sessions 2.5.
    let least = NAP * (CROWD / CONNECTIONS) as u32;
    assert!(took >= least, "{took:?}, less than {least:?}: more than eight at once");
    assert!(took < least * 4, "{took:?} instead of {least:?}");
    assert!(gap < Duration::from_secs(2), "the ticker waited {gap:?}");
    observed.audit();
}

#[test]
fn two_hundred_share_eight_sessions_on_one_worker() {
    two_hundred_share_eight(1);
}

#[test]
fn two_hundred_share_eight_sessions_on_two_workers() {
    two_hundred_share_eight(2);
}

/// Transfers between accounts that all want: the server makes them wait for its locks.
#[test]
fn two_hundred_transfer_and_nothing_is_lost() {
    let Some(url) = url() else { return };
    let mut observed = Observed::new(&url, CONNECTIONS);
    let accounts = table("account");
    observed.execute(&format!(
        "drop table if exists {accounts};
         create table {accounts} (id int primary key, amount bigint not null);
         insert into {accounts} select id, 1000 from generate_series(0, 9) id"
    ));
    let (pool, name) = (observed.pool.clone(), accounts.clone());
    on_workers(2, move || {
        crowd(move |number| {
            for round in 0..5 {
                let (from, to) = ((number % 10) as i32, ((number + round + 1) % 10) as i32);
                let update = format!("update {name} set amount = amount + $2 where id = $1");
                let moved = pool.with(move |client| {
                    let mut transaction = client.transaction()?;
                    // In order of the accounts, so that no two wait for each other.
                    let mut steps = [(from, -1_i64), (to, 1)];
                    steps.sort_unstable();
                    for (account, amount) in steps {
                        transaction.execute(&update, &[&account, &amount])?;
                    }
                    transaction.commit()
                });
                moved.unwrap().unwrap();
            }
        });
    });
    let pool = observed.pool.clone();
    let select = format!("select sum(amount)::bigint from {accounts}");
    let sum = pool.with(move |client| client.query_one(&select, &[]));
    assert_eq!(sum.unwrap().unwrap().get::<_, i64>(0), 10_000);
    observed.execute(&format!("drop table {accounts}"));
    observed.audit();
}

#[test]
fn sessions_that_are_terminated_are_errors_and_then_others_take_their_place() {
    let Some(url) = url() else { return };
    let mut observed = Observed::new(&url, CONNECTIONS);
    let pool = observed.pool.clone();
    let failed = on_workers(2, move || {
        let users = greenstd::thread::spawn(move || {
            let answers = crowd(move |number| nap(&pool, number as i32));
            answers.into_iter().filter(Result::is_err).count()
        });
        let mut terminated = 0;
        for _ in 0..3 {
            thread::sleep(3 * NAP);
            // In place, for it takes the server no time.
            terminated += observed.terminate();
        }
        assert!(terminated > 0);
        let failed = users.join().unwrap();
        assert!(failed <= terminated, "{failed} errors for {terminated} sessions");
        // Recovered: each query is answered again.
        let pool = observed.pool.clone();
        let answers = crowd(move |number| pool.with(move |_| number).unwrap());
        assert_eq!(answers.len(), CROWD);
        assert_eq!(nap(&observed.pool, 41).unwrap(), 42);
        observed.audit();
        failed
    });
    assert!(failed > 0, "who was using a session hears of its end");
}

#[test]
fn sessions_that_are_terminated_while_idle_are_replaced_without_an_error() {
    let Some(url) = url() else { return };
    let mut observed = Observed::new(&url, 4);
    let all: Vec<_> = (0..4).map(|_| observed.pool.get().unwrap()).collect();
    drop(all);
    until("all are idle", || observed.pool.statistics().idle == 4);
    assert_eq!(observed.terminate(), 4);
    let pool = observed.pool.clone();
    on_workers(2, move || {
        let answers = crowd(move |number| {
            let number = number as i64;
            pool.with(move |client| client.query_one("select $1::bigint", &[&number]))
                .unwrap()
                .map(|row| row.get::<_, i64>(0))
                .unwrap()
        });
        assert!(answers.into_iter().eq(0..CROWD as i64));
    });
    assert!(observed.pool.statistics().created <= 8);
    observed.audit();
}

/// A transaction that its holder has left open is rolled back, and its locks are given up.
#[test]
fn a_transaction_is_rolled_back_when_its_holder_ends() {
    let Some(url) = url() else { return };
    let mut observed = Observed::new(&url, 2);
    let entries = table("entry");
    observed.execute(&format!("drop table if exists {entries}; create table {entries} (id int)"));
    let begin = format!("begin; insert into {entries} values (1); lock table {entries}");
    let pool = observed.pool.clone();
    on_workers(2, move || {
        let hold = move |ends: fn()| {
            let (pool, begin, begun) = (pool.clone(), begin.clone(), Arc::new(Event::new()));
            let begins = begun.clone();
            let holder = thread::spawn(move || {
                let mut client = pool.get().unwrap();
                client.run(move |client| client.batch_execute(&begin)).unwrap();
                begins.set();
                ends();
            });
            begun.wait();
            holder
        };
        let victim = hold(thread::park);
        assert!(victim.kill_and_wait(SOON).unwrap());
        assert!(hold(|| panic!("by the test")).join().is_err());
        assert!(hold(|| ()).join().is_ok(), "he has forgotten it");
    });
    let insert = format!("insert into {entries} values (2)");
    let pool = observed.pool.clone();
    let call = || {
        pool.with(move |client| -> () {
            let mut transaction = client.transaction().unwrap();
            transaction.batch_execute(&insert).unwrap();
            panic!("by the test");
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    // Waits for the lock of whoever has not been rolled back yet.
    assert_eq!(observed.count(&entries), 0);
    observed.execute(&format!("drop table {entries}"));
    observed.audit();
}

#[test]
fn a_query_whose_caller_is_killed_comes_to_its_end_and_the_session_back() {
    let Some(url) = url() else { return };
    let observed = Observed::new(&url, 1);
    let pool = observed.pool.clone();
    on_workers(1, move || {
        let other = pool.clone();
        let victim = thread::spawn(move || nap(&other, 1).unwrap());
        until("it is lent", || pool.statistics().created == 1 && pool.statistics().idle == 0);
        thread::sleep(NAP / 2);
        assert!(victim.kill_and_wait(SOON).unwrap());
        assert_eq!(nap(&pool, 41).unwrap(), 42);
        assert_eq!(pool.statistics().created, 1);
    });
    observed.audit();
}

#[test]
fn a_server_that_is_not_there_is_an_error_for_each_caller() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgresql://greenstd@{free}/postgres");
    let connect = move || postgres::Client::connect(&url, postgres::NoTls);
    let pool = ResourcePool::new(CONNECTIONS, connect);
    on_workers(1, move || {
        let other = pool.clone();
        let errors = crowd(move |_| matches!(other.with(|_| ()), Err(GetError::Create(_))));
        assert!(errors.into_iter().all(|is_right| is_right));
        assert_eq!(pool.statistics().resources, 0);
    });
}
