//! Kills and timeout scopes in the middle of a request: the connection is closed, never used again.

use crate::fixture::{Server, answer, write};
use greenstd::net::http_client::agent;
use greenstd::thread;
use greenstd::time::timeout;
use std::time::Duration;

/// Answers, one for each path: half of a head, half of a body, all.
fn halves() -> Server {
    Server::start(|request, stream| {
        match request.path() {
            "/head" => write(stream, b"HTTP/1.1 200 OK\r\nContent-Le")?,
            "/body" => write(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nwro")?,
            _ => return answer(stream, "200 OK", "", b"right"),
        }
        thread::sleep(Duration::from_millis(20));
        // What a connection that is used again would get to read.
        write(stream, b"ng!")
    })
}

laws! { green
    fn a_killed_request_leaves_no_connection_behind() {
        let server = halves();
        let agent = agent();
        for path in ["/head", "/body", "/head", "/body"] {
            let before = server.requests();
            let (killed, url) = (agent.clone(), server.url(path));
            let fetching = greenstd::spawn(move || {
                killed.get(&url).call().map(|mut told| told.body_mut().read_to_vec().is_ok())
            });
            while server.requests() == before {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_millis(2));
            fetching.kill().unwrap();
            assert!(fetching.join().is_err(), "{path} has come to its end");
            agent_is_fresh(&agent, &server);
        }
    }

    /// The pool's lock is not held, nor poisoned, by one that is killed anywhere.
    fn kills_at_any_time_leave_the_agent_in_order() {
        let server = Server::start(|_, stream| answer(stream, "200 OK", "", b"right"));
        let agent = agent();
        for micros in 0..200 {
            let (killed, url) = (agent.clone(), server.url("/"));
            let fetching = greenstd::spawn(move || {
                killed.get(&url).call().unwrap().body_mut().read_to_vec().unwrap()
            });
            thread::sleep(Duration::from_micros(micros * 3));
            fetching.kill().unwrap();
            let _ = fetching.join();
            agent_is_fresh(&agent, &server);
        }
    }
}

laws! {
    fn an_expired_scope_leaves_no_connection_behind() {
        let server = halves();
        let agent = agent();
        for path in ["/head", "/body"] {
            let fetched = timeout(Duration::from_millis(5), || {
                let mut told = agent.get(server.url(path)).call().unwrap();
                told.body_mut().read_to_vec().unwrap()
            });
            assert!(fetched.is_err());
            agent_is_fresh(&agent, &server);
        }
    }

    /// Nor does a body that is only half read.
    fn a_dropped_body_leaves_no_connection_behind() {
        let server = halves();
        let agent = agent();
        drop(agent.get(server.url("/body")).call().unwrap());
        agent_is_fresh(&agent, &server);
        assert_eq!(server.connections(), 2);
    }
}

fn agent_is_fresh(agent: &greenstd::net::http_client::ureq::Agent, server: &Server) {
    let mut told = agent.get(server.url("/")).call().unwrap();
    assert_eq!(told.body_mut().read_to_vec().unwrap(), b"right");
}
