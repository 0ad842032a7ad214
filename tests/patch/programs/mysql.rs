//! `mysql`: blocking sockets, std's locks; the server is MariaDB.

use crate::program::Program;
use crate::servers;
use mysql::prelude::Queryable;
use mysql::{Conn, Opts};

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
