//! `redis`: a blocking socket with a buffer in front.

use crate::program::Program;
use crate::servers;
use redis::{Client, Connection};

pub struct Redis;

impl Program for Redis {
    type Client = Connection;

    fn server() -> Option<String> {
        servers::named("GREENSTD_TEST_REDIS", "Redis")
    }

    fn connect(server: &str) -> Result<Connection, String> {
        let client = Client::open(server).map_err(|error| error.to_string())?;
        client.get_connection().map_err(|error| error.to_string())
    }

    /// A list that nobody pushes to, and an echo behind it. Nought seconds would be for ever.
    fn ask(client: &mut Connection, number: usize, seconds: u32) -> Result<usize, String> {
        if seconds > 0 {
            let mut pop = redis::cmd("BLPOP");
            let popped = pop.arg("nobody pushes to it").arg(seconds).query(client);
            let popped: Option<(String, String)> = popped.map_err(|error| error.to_string())?;
            assert_eq!(popped, None);
        }
        redis::cmd("ECHO").arg(number + 1).query(client).map_err(|error| error.to_string())
    }
}

laws_of!(Redis, crashes "redis");
