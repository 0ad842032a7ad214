//! `rusqlite`: SQLite's own locks on a file, for which it waits by sleeping. The parent holds them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use rusqlite::Connection;

use crate::program::Program;
use crate::servers;

pub struct Sqlite;

/// Longer than anybody holds the lock.
const PATIENCE: Duration = Duration::from_secs(30);

/// The one connection of the parent, and for how many it holds the lock.
static HOLDER: OnceLock<Mutex<(Connection, usize)>> = OnceLock::new();

/// Changes how many want the lock to be held, and takes it or gives it up.
fn change(by: isize) {
    let mut holder = HOLDER.get().unwrap().lock().unwrap();
    let (connection, holders) = &mut *holder;
    let before = *holders;
    *holders = holders.checked_add_signed(by).unwrap();
    match (before, *holders) {
        (0, _) => connection.execute_batch("begin exclusive").unwrap(),
        (_, 0) => connection.execute_batch("commit").unwrap(),
        _ => {}
    }
}

impl Program for Sqlite {
    type Client = (Connection, String);

    /// A file, and an address where the lock on it is to be had.
    fn server() -> Option<String> {
        let path = std::env::temp_dir().join(format!("greenstd-patch-{}.db", process::id()));
        HOLDER.get_or_init(|| {
            let _ = std::fs::remove_file(&path);
            let connection = Connection::open(&path).unwrap();
            connection.busy_timeout(PATIENCE).unwrap();
            let create = "create table one (value); insert into one values (1)";
            connection.execute_batch(create).unwrap();
            Mutex::new((connection, 0))
        });
        let address = servers::serve(|stream| {
            let mut question = String::new();
            BufReader::new(&stream).read_line(&mut question)?;
            let seconds: u64 = question.trim().parse().unwrap();
            change(1);
            (&stream).write_all(b"!")?;
            // Until the time is up, or the client has gone.
            stream.set_read_timeout(Some(Duration::from_secs(seconds)))?;
            let _ = (&stream).read(&mut [0]);
            change(-1);
            Ok(())
        });
        Some(format!("{address} {}", path.display()))
    }

    fn connect(server: &str) -> Result<Self::Client, String> {
        let (address, path) = server.split_once(' ').unwrap();
        let connection = Connection::open(path).map_err(|error| error.to_string())?;
        connection.busy_timeout(PATIENCE).map_err(|error| error.to_string())?;
        Ok((connection, address.to_owned()))
    }

    fn ask(client: &mut Self::Client, number: usize, seconds: u32) -> Result<usize, String> {
        let (connection, address) = client;
        let holder = match seconds {
            0 => None,
            _ => Some(hold(address, seconds).map_err(|error| error.to_string())?),
        };
        let select = "select value + ? from one";
        let answer = connection.query_row(select, [number as i64], |row| row.get::<_, i64>(0));
        drop(holder);
        answer.map(|answer| answer as usize).map_err(|error| error.to_string())
    }
}

/// Has the parent hold the lock for so many seconds, or until what is returned is dropped.
fn hold(address: &str, seconds: u32) -> std::io::Result<TcpStream> {
    let mut holder = TcpStream::connect(address)?;
    holder.write_all(format!("{seconds}\n").as_bytes())?;
    holder.read_exact(&mut [0])?;
    Ok(holder)
}

laws_of!(Sqlite);
