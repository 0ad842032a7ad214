//! A server that crashes: errors as long as it is away, and then everything as before.

use crate::child;
use crate::fixture::{CONNECTIONS, crowd, descriptors, until};
use crate::flavour::on_workers;
use crate::server::{Observed, url};
use crate::throwaway::Server;
use greenstd::resource::GetError;
use greenstd::thread;
use postgres::{Client, NoTls};
use std::time::Duration;

fn sockets() -> usize {
    descriptors("socket:")
}

#[test]
fn a_crash_is_an_error_for_each_who_asks_and_leaves_nothing_behind() {
    if url().is_none() {
        return;
    }
    // In a child: its descriptors are counted.
    child::succeed(|| {
        let server = Server::start("postgres");
        // The driver's runtime keeps sockets of its own for good, depending on its features.
        drop(Client::connect(&server.url(), NoTls).unwrap());
        let at_first = sockets();
        let observed = Observed::new(&server.url(), CONNECTIONS);
        let pool = observed.pool.clone();
        drop(observed);
        on_workers(2, move || {
            let query = move |number: usize| {
                let number = number as i32;
                let answer = pool.with(move |client| {
                    client.query_one("select $1 + 1 from pg_sleep(0.02)", &[&number])
                });
                match answer {
                    Ok(Ok(row)) => Ok(row.get::<_, i32>(0)),
                    Ok(Err(error)) => Err(GetError::Create(error)),
                    Err(error) => Err(error),
                }
            };
            let right = |answers: Vec<Result<i32, _>>| {
                answers.into_iter().map(Result::unwrap).eq(1..=crate::fixture::CROWD as i32)
            };
            assert!(right(crowd(query.clone())));
            let (before, users) = (sockets(), query.clone());
            let users = thread::spawn(move || crowd(users));
            thread::sleep(Duration::from_millis(100));
            server.crash();
            let answers = users.join().unwrap();
            assert!(answers.iter().any(Result::is_err), "the crash is noticed");
            assert!(crowd(query.clone()).iter().all(Result::is_err), "it is away");
            until("no socket is left of it", || sockets() + CONNECTIONS <= before);
            server.resume();
            assert!(right(crowd(query)), "everything is as before");
            assert!(sockets() <= before, "no more sockets than before");
            drop(server);
        });
        until("all sockets are closed", || sockets() == at_first);
    });
}
