//! `postgres`: an asynchronous driver behind a blocking face, with a tokio runtime for each client.

use crate::program::Program;
use crate::servers;
use postgres::{Client, NoTls};

pub struct Postgres;

impl Program for Postgres {
    type Client = Client;

    fn server() -> Option<String> {
        servers::named("GREENSTD_TEST_POSTGRES", "PostgreSQL")
    }

    fn connect(server: &str) -> Result<Client, String> {
        Client::connect(server, NoTls).map_err(|error| error.to_string())
    }

    fn ask(client: &mut Client, number: usize, seconds: u32) -> Result<usize, String> {
        let select = "select $1::bigint + 1 from pg_sleep($2)";
        let answer = client.query_one(select, &[&(number as i64), &f64::from(seconds)]);
        answer.map(|row| row.get::<_, i64>(0) as usize).map_err(|error| error.to_string())
    }
}

laws_of!(Postgres, crashes "postgres");
