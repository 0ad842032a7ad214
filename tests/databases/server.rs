//! PostgreSQL: the server that the tests are given, and the pool's manager.

use crate::fixture::{SOON, until};
use greenstd::resource::{Builder, Condition, Manage, ResourcePool};
use postgres::{Client, Config, NoTls};
use std::env;
use std::io::{self, Write};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Names the URL of a server that may be used as one likes, by a user who may do everything.
const VARIABLE: &str = "GREENSTD_TEST_POSTGRES";

/// Where the server is. None, and it is said, if there is none.
pub fn url() -> Option<String> {
    let url = env::var(VARIABLE).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        // Not by `eprintln!`, which the test harness swallows.
        let text = format!("skipped, because {VARIABLE} names no PostgreSQL server: {test}\n");
        let _ = io::stderr().write_all(text.as_bytes());
    }
    url
}

/// Sessions of one name on a server.
pub struct Postgres {
    config: Config,
    name: String,
}

impl Postgres {
    fn new(url: &str) -> Postgres {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("greenstd-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let mut config: Config = url.parse().unwrap();
        config.application_name(&name).connect_timeout(Duration::from_secs(5));
        Postgres { config, name }
    }
}

impl Manage for Postgres {
    type Resource = Client;
    type Error = postgres::Error;

    fn create(&self) -> Result<Client, postgres::Error> {
        self.config.connect(NoTls)
    }

    fn check(&self, client: &mut Client) -> Result<(), postgres::Error> {
        client.simple_query("select 1").map(drop)
    }

    /// The driver does not say whether a transaction is open.
    fn condition(&self, client: &mut Client) -> Condition {
        if client.is_closed() { Condition::Broken } else { Condition::Dirty }
    }

    fn clean(&self, client: &mut Client) -> Result<(), postgres::Error> {
        client.batch_execute("rollback")
    }
}

/// A pool, and somebody who watches its sessions from outside of it. Works on OS threads.
pub struct Observed {
    pub pool: ResourcePool<Postgres>,
    admin: Client,
}

impl Observed {
    pub fn new(url: &str, sessions: usize) -> Observed {
        let builder = Builder::new(Postgres::new(url)).max(sessions);
        let pool = builder.check_after(Duration::ZERO).build();
        let admin = Client::connect(url, NoTls).unwrap();
        Observed { pool, admin }
    }

    /// How many sessions of the pool the server has.
    pub fn sessions(&mut self) -> usize {
        let select = "select count(*) from pg_stat_activity where application_name = $1";
        let name = &self.pool.manager().name;
        self.admin.query_one(select, &[name]).unwrap().get::<_, i64>(0) as usize
    }

    /// Ends all of them, in the midst of what they do.
    pub fn terminate(&mut self) -> usize {
        let select = "select pg_terminate_backend(pid) from pg_stat_activity \
                      where application_name = $1";
        let name = &self.pool.manager().name;
        self.admin.query(select, &[name]).unwrap().len()
    }

    pub fn execute(&mut self, statement: &str) {
        self.admin.batch_execute(statement).unwrap();
    }

    pub fn count(&mut self, table: &str) -> i64 {
        let select = format!("select count(*) from {table}");
        self.admin.query_one(&select, &[]).unwrap().get(0)
    }

    /// All sessions can be had at once, and none is left in the end.
    pub fn audit(mut self) {
        let max = self.pool.max();
        let all: Vec<_> = (0..max).map(|_| self.pool.get_timeout(SOON).unwrap()).collect();
        assert_eq!(self.sessions(), max);
        assert!(self.pool.get_timeout(Duration::ZERO).is_err());
        drop(all);
        self.pool.close();
        assert!(self.pool.join(SOON), "a session was lost: {:?}", self.pool);
        until("the server has none any more", || self.sessions() == 0);
    }
}

/// A table of a test's own, by name.
pub fn table(prefix: &str) -> String {
    format!("{prefix}_{}", process::id())
}
