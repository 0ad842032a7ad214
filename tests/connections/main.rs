//! Ten thousand TCP connections, held and used at once through the public API.
//!
//! The server runs in this process, the clients in a second one, which is this very program
//! started again: so both ends are greenstd's, and either has descriptors of its own. The parent
//! tells the clients when the next phase begins, and looks at the server between the phases.

#[macro_use]
#[path = "../common/flavour.rs"]
#[allow(dead_code, unused_macros, reason = "not every program uses all of it")]
mod flavour;

mod client;
mod limit;
mod message;
mod server;

use crate::client::Clients;
use crate::flavour::Watchdog;
use crate::server::Server;
use std::env;
use std::fs;
use std::time::Instant;

/// Connections that are open at once.
const CONNECTIONS: usize = 10_000;

/// Messages that each connection carries there and back after the first one.
const ROUNDS: usize = 3;

/// What either process may need besides: the test's own pipes, epoll sets, the program's files.
const SPARE_DESCRIPTORS: usize = 200;

/// The address of the server, for the process that is to be the clients.
const ADDRESS: &str = "GREENSTD_TEST_CONNECTIONS";

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn ten_thousand_connections_are_held_used_and_lost_and_leave_nothing_behind() {
    let _watchdog = Watchdog::new();
    let allowed = limit::raise_descriptors();
    if let Ok(address) = env::var(ADDRESS) {
        return client::run(address.parse().unwrap());
    }
    if allowed < CONNECTIONS + SPARE_DESCRIPTORS {
        println!("skipped: the hard limit of {allowed} descriptors is below what this needs");
        return;
    }
    // Whatever a first runtime makes for good is made now.
    drop(Server::start());
    let before = descriptors();
    let server = Server::start();
    let start = Instant::now();
    let mut clients = Clients::start(server.address());

    clients.await_phase("open");
    assert_eq!(server.live(), CONNECTIONS, "all are open at once");
    assert_eq!(server.messages(), CONNECTIONS, "each has been used once");
    println!("{CONNECTIONS} connections are open after {:?}", start.elapsed());

    clients.begin_phase("use");
    clients.await_phase("used");
    assert_eq!(server.live(), CONNECTIONS, "all are open still");
    assert_eq!(server.messages(), CONNECTIONS * (1 + ROUNDS));
    println!("{} messages went both ways after {:?}", server.messages(), start.elapsed());

    clients.begin_phase("leave");
    clients.await_phase("left");
    server.await_no_live();
    clients.end();
    assert_eq!(server.resets(), client::Leave::count(client::Leave::Reset));
    assert_eq!(server.ends(), CONNECTIONS - server.resets());
    println!("all have gone after {:?}", start.elapsed());

    server.assert_serves_on();
    drop(server);
    assert_eq!(descriptors(), before);
}
