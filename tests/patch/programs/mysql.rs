//! `mysql`: blocking sockets, std's locks; the server is MariaDB.

use crate::child;
use crate::kind::Kind;
use crate::program::{self, Program};
use crate::servers;
use crate::throwaway::Server;
use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use std::time::Duration;

pub struct Mysql;

impl Program for Mysql {
    type Client = Conn;

    fn server() -> Option<String> {
        servers::named("GREENSTD_TEST_MYSQL", "MariaDB")
    }

    fn connect(server: &str) -> Result<Conn, String> {
        let opts = Opts::from_url(server).map_err(|error| error.to_string())?;
        Conn::new(opts).map_err(|error| error.to_string())
    }

    fn ask(client: &mut Conn, number: usize, seconds: u32) -> Result<usize, String> {
        let select = "select ? + 1 + sleep(?)";
        let answer = client.exec_first(select, (number, seconds));
        answer.map_err(|error| error.to_string())?.ok_or_else(|| "no row".to_owned())
    }
}

laws_of!(Mysql, crashes "mysql");

/// The driver's own pool: ten connections, a hundred who want one, and a server that goes away.
fn a_pool_serves_a_hundred_and_survives_a_crash(kind: Kind) {
    let server = Server::start("mysql");
    let constraints = PoolConstraints::new(0, 10).unwrap();
    let options = Opts::from_url(&server.url()).unwrap();
    let options =
        OptsBuilder::from_opts(options).pool_opts(PoolOpts::new().with_constraints(constraints));
    let pool = Pool::new(options).unwrap();
    let answered = move || {
        let pool = pool.clone();
        kind.run(move || {
            let crowd = (0..100_u32).map(|number| {
                let pool = pool.clone();
                kind.spawn(move || {
                    let select = format!("select {number} + 1 + sleep(0.02)");
                    // With a limit: the pool calls nobody who waits when it finds a connection
                    // broken.
                    let conn = pool.try_get_conn(Duration::from_secs(5));
                    let answer = conn.and_then(|mut it| it.query_first(select));
                    answer.is_ok_and(|answer| answer == Some(number + 1))
                })
            });
            let crowd: Vec<_> = crowd.collect();
            crowd.into_iter().map(|one| one.join().unwrap()).filter(|is_right| *is_right).count()
        })
    };
    assert_eq!(answered(), 100);
    server.crash();
    assert_eq!(answered(), 0);
    server.resume();
    assert_eq!(answered(), 100);
}

#[test]
fn a_pool_serves_a_hundred_and_survives_a_crash_on_one_worker() {
    let child = child::prepare(|| a_pool_serves_a_hundred_and_survives_a_crash(Kind::Own));
    program::succeed::<Mysql>(child);
}

#[test]
fn a_pool_serves_a_hundred_and_survives_a_crash_on_os_threads() {
    let child = child::prepare(|| a_pool_serves_a_hundred_and_survives_a_crash(Kind::OsThreads));
    program::succeed::<Mysql>(child);
}
