//! What a holder left open is rolled back, however he ended: with SQLite, which is always there.

use crate::fixture::{SOON, until};
use crate::flavour::on_workers;
use crate::sqlite::{Database, insert};
use greenstd::resource::ResourceGuard;
use greenstd::sync::Event;
use greenstd::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

type Holder = ResourceGuard<crate::sqlite::Sqlite>;

/// Writes a row in a transaction that stays open.
fn begin(connection: &mut Holder) {
    connection.run(|it| it.execute_batch("begin immediate")).unwrap();
    connection.run(|it| insert(it, 1, 100)).unwrap();
}

fn law(body: impl FnOnce(&Database) + Send + 'static) {
    on_workers(2, move || {
        let database = Database::new(1);
        body(&database);
        assert_eq!(database.total(), (0, 0), "it is rolled back");
        // Nobody holds the lock any more.
        database.pool.with(|it| insert(it, 2, 1)).unwrap().unwrap();
        assert_eq!(database.total(), (1, 1));
        database.audit();
    });
}

#[test]
fn of_one_who_forgot() {
    law(|database| {
        let mut connection = database.pool.get().unwrap();
        begin(&mut connection);
        drop(connection);
        until("it is back", || database.pool.statistics().idle == 1);
        assert_eq!(database.pool.statistics().created, 1, "it was cleaned");
    });
}

#[test]
fn of_one_who_forgot_in_with() {
    law(|database| {
        let begin = "begin immediate; insert into entry (owner, amount) values (1, 1)";
        database.pool.with(move |it| it.execute_batch(begin)).unwrap().unwrap();
    });
}

#[test]
fn of_one_who_is_killed() {
    law(|database| {
        let (pool, begun) = (database.pool.clone(), Arc::new(Event::new()));
        let begins = begun.clone();
        let victim = thread::spawn(move || {
            let mut connection = pool.get().unwrap();
            begin(&mut connection);
            begins.set();
            thread::park();
        });
        begun.wait();
        assert!(victim.kill_and_wait(SOON).unwrap());
    });
}

#[test]
fn of_one_who_is_killed_during_a_statement() {
    law(|database| {
        let pool = database.pool.clone();
        let (begun, go_on) = std::sync::mpsc::channel();
        let begins = Arc::new(Event::new());
        let has_begun = begins.clone();
        let victim = thread::spawn(move || {
            let mut connection = pool.get().unwrap();
            begin(&mut connection);
            connection.run(move |it| {
                has_begun.set();
                let _ = go_on.recv_timeout(SOON);
                insert(it, 1, 200)
            })
        });
        begins.wait();
        assert!(victim.kill_and_wait(SOON).unwrap());
        assert_eq!(database.pool.statistics().resources, 1, "the job has the connection");
        drop::<std::sync::mpsc::Sender<()>>(begun);
    });
}

#[test]
fn of_one_who_panics() {
    law(|database| {
        let pool = database.pool.clone();
        let holder = thread::spawn(move || {
            let mut connection = pool.get().unwrap();
            begin(&mut connection);
            panic!("by the test");
        });
        assert!(holder.join().is_err());
    });
}

#[test]
fn of_a_transaction_that_panics() {
    law(|database| {
        let call = || {
            database.pool.with(|it| -> () {
                let transaction = it.transaction().unwrap();
                insert(&transaction, 1, 100).unwrap();
                panic!("by the test");
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    });
}

#[test]
fn of_one_whose_scope_expires() {
    law(|database| {
        let late = greenstd::time::timeout(std::time::Duration::from_millis(100), || {
            let mut connection = database.pool.get().unwrap();
            begin(&mut connection);
            thread::sleep(SOON * 100);
        });
        assert!(late.is_err());
    });
}
