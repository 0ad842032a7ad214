//! 200 green threads share 8 sessions of a PostgreSQL server, over the plain blocking driver.
//!
//! `postgres_pool [URL]`: such as `postgresql://user@127.0.0.1:5432/postgres`, or else the one in
//! `DATABASE_URL`. The user has to be allowed to make a schema: `greenstd_example`, which is
//! dropped in the end, and before.
//!
//! Each green thread moves money between accounts, and asks a question that takes the server
//! 100 ms; a ticker on the same workers shows that nobody blocks them. Ends with code 1 if the
//! server is not there, or an answer or the total is wrong.

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use greenstd::resource::{Builder, Condition, GetError, Manage, ResourcePool};
use greenstd::thread;
use greenstd::time::Ticker;
use postgres::{Client, Config, NoTls};

const CLIENTS: i32 = 200;

const SESSIONS: usize = 8;

const ACCOUNTS: i32 = 10;

/// In each account at the start.
const DEPOSIT: i64 = 1000;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct Postgres {
    config: Config,
}

impl Manage for Postgres {
    type Resource = Client;
    type Error = postgres::Error;

    fn create(&self) -> Result<Client, postgres::Error> {
        let mut client = self.config.connect(NoTls)?;
        // What this program makes lies in a schema of its own.
        client.batch_execute("set search_path to greenstd_example, public")?;
        Ok(client)
    }

    fn check(&self, client: &mut Client) -> Result<(), postgres::Error> {
        client.simple_query("").map(drop)
    }

    fn condition(&self, client: &mut Client) -> Condition {
        // Transactions roll themselves back here when they are dropped, so nothing is dirty.
        if client.is_closed() { Condition::Broken } else { Condition::Ready }
    }
}

fn main() -> ExitCode {
    let Some(url) = env::args().nth(1).or_else(|| env::var("DATABASE_URL").ok()) else {
        eprintln!("usage: postgres_pool URL, or set DATABASE_URL");
        return ExitCode::from(2);
    };
    match run(&url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(url: &str) -> Outcome<()> {
    let mut config: Config = url.parse().map_err(|error| format!("{url} is no URL: {error}"))?;
    config.connect_timeout(Duration::from_secs(5)).application_name("postgres_pool");
    let pool = Builder::new(Postgres { config }).max(SESSIONS).build();
    set_up(&pool).map_err(|error| match error.downcast::<GetError<postgres::Error>>() {
        Ok(error) => format!("is the server running? {error}: {}", cause(&*error)).into(),
        Err(error) => error,
    })?;

    let ticks = Arc::new(AtomicUsize::new(0));
    let counts = ticks.clone();
    let ticker = thread::spawn(move || {
        for _ in Ticker::new(Duration::from_millis(10)) {
            counts.fetch_add(1, Ordering::Relaxed);
        }
    });
    let start = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let pool = pool.clone();
            thread::spawn(move || transfer_and_ask(&pool, client))
        })
        .collect();
    for client in clients {
        client.join().expect("a client does not panic")?;
    }
    let took = start.elapsed();
    ticker.kill()?;

    let total = "select sum(amount)::bigint from account";
    let total: i64 = pool.with(move |client| client.query_one(total, &[]))??.get(0);
    pool.with(|client| client.batch_execute("drop schema greenstd_example cascade"))??;
    let sessions = pool.statistics().created;
    pool.close();
    pool.join(None);

    println!("{CLIENTS} green threads shared {sessions} sessions");
    println!("{} s, with {} ticks meanwhile", took.as_secs_f32(), ticks.load(Ordering::Relaxed));
    println!("check sum {total}");
    if total != i64::from(ACCOUNTS) * DEPOSIT || sessions > SESSIONS as u64 {
        return Err("the sum of all accounts has changed".into());
    }
    Ok(())
}

fn set_up(pool: &ResourcePool<Postgres>) -> Outcome<()> {
    let statements = format!(
        "drop schema if exists greenstd_example cascade;
         create schema greenstd_example;
         create table account (id int primary key, amount bigint not null);
         insert into account select id, {DEPOSIT} from generate_series(0, {ACCOUNTS} - 1) id"
    );
    Ok(pool.with(move |client| client.batch_execute(&statements))??)
}

fn transfer_and_ask(pool: &ResourcePool<Postgres>, number: i32) -> Outcome<()> {
    pool.with(move |client| {
        let mut transaction = client.transaction()?;
        let (from, to) = (number % ACCOUNTS, number * 7 % ACCOUNTS);
        // In the order of the accounts, so that no two transactions wait for each other.
        let mut steps = [(from, -i64::from(number)), (to, i64::from(number))];
        steps.sort_unstable();
        for (account, amount) in steps {
            let update = "update account set amount = amount + $2 where id = $1";
            transaction.execute(update, &[&account, &amount])?;
        }
        transaction.commit()
    })??;
    let answer: i32 = pool
        .with(move |client| client.query_one("select $1 * 2 from pg_sleep(0.1)", &[&number]))??
        .get(0);
    if answer == number * 2 {
        Ok(())
    } else {
        Err(format!("twice {number} is not {answer}").into())
    }
}

/// The last cause in the chain: what the system says.
fn cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
