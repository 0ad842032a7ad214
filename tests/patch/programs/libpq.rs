//! libpq: a library in C, which waits by `poll` and knows nothing of Rust.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use crate::program::Program;
use crate::servers;

/// `PGconn`, which only the library knows.
enum Connection {}

/// `PGresult`.
enum Outcome {}

/// `CONNECTION_OK` of `ConnStatusType`.
const CONNECTION_OK: c_int = 0;

/// `PGRES_TUPLES_OK` of `ExecStatusType`.
const TUPLES_OK: c_int = 2;

// As in `libpq-fe.h`.
#[link(name = "pq")]
unsafe extern "C" {
    fn PQconnectdb(conninfo: *const c_char) -> *mut Connection;
    fn PQstatus(connection: *const Connection) -> c_int;
    fn PQerrorMessage(connection: *const Connection) -> *const c_char;
    fn PQexec(connection: *mut Connection, query: *const c_char) -> *mut Outcome;
    fn PQresultStatus(outcome: *const Outcome) -> c_int;
    fn PQgetvalue(outcome: *const Outcome, row: c_int, column: c_int) -> *const c_char;
    fn PQclear(outcome: *mut Outcome);
    fn PQfinish(connection: *mut Connection);
}

pub struct Libpq;

/// A connection, which is finished when it is dropped.
pub struct Client(*mut Connection);

impl Client {
    fn complaint(&self) -> String {
        // SAFETY: the connection lives; the message is valid until the next call, and is copied.
        let message = unsafe { CStr::from_ptr(PQerrorMessage(self.0)) };
        message.to_string_lossy().trim_end().to_owned()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: it was made by `PQconnectdb`, and nobody has it any more. Null is allowed.
        unsafe { PQfinish(self.0) };
    }
}

impl Program for Libpq {
    type Client = Client;

    fn server() -> Option<String> {
        servers::named("GREENSTD_TEST_POSTGRES", "PostgreSQL")
    }

    fn connect(server: &str) -> Result<Client, String> {
        let server = CString::new(server).unwrap();
        // SAFETY: a C string that outlives the call.
        let client = Client(unsafe { PQconnectdb(server.as_ptr()) });
        // SAFETY: as above; null, when memory is short, has the status "bad".
        if unsafe { PQstatus(client.0) } == CONNECTION_OK {
            Ok(client)
        } else {
            Err(client.complaint())
        }
    }

    fn ask(client: &mut Client, number: usize, seconds: u32) -> Result<usize, String> {
        let query = CString::new(format!("select {number} + 1 from pg_sleep({seconds})")).unwrap();
        // SAFETY: the connection is used by this thread alone; the string outlives the call.
        let outcome = unsafe { PQexec(client.0, query.as_ptr()) };
        // SAFETY: null is allowed, and has the status "fatal error".
        let answer = if unsafe { PQresultStatus(outcome) } == TUPLES_OK {
            // SAFETY: there is one row of one column, a C string for as long as the outcome lives.
            let text = unsafe { PQgetvalue(outcome, 0, 0) };
            assert_ne!(text, ptr::null());
            // SAFETY: as above.
            Ok(unsafe { CStr::from_ptr(text) }.to_str().unwrap().parse().unwrap())
        } else {
            Err(client.complaint())
        };
        // SAFETY: it was made above, and nothing borrows from it any more. Null is allowed.
        unsafe { PQclear(outcome) };
        answer
    }
}

laws_of!(Libpq, crashes "postgres");
