//! A stop in all states of the handlers, and from wherever it is called.

use super::fixture::{A_WHILE, DEADLINE, answer, ask, client, echo, until};
use greenstd::net::TcpStream;
use greenstd::net::server::{Connection, StopReport, StreamServer};
use greenstd::sync::Event;
use greenstd::{channel, select};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

fn counts(report: StopReport) -> (usize, usize, usize) {
    (report.finished, report.killed, report.alive)
}

/// Answers one request, slowly, then waits for the next.
fn answer_slowly(mut connection: Connection) -> io::Result<()> {
    while connection.wait_readable()? {
        connection.read_exact(&mut [0])?;
        connection.write_all(&[1])?;
        greenstd::thread::sleep(4 * A_WHILE);
        connection.write_all(&[2])?;
    }
    Ok(())
}

laws! {
    fn stop_without_connections_is_clean_and_closes_the_listener() {
        let server = StreamServer::builder().start("127.0.0.1:0", echo).unwrap();
        let address = *server.local_addr();
        assert!(!server.handle().is_closed());
        assert_eq!(counts(server.stop(None)), (0, 0, 0));
        assert!(server.handle().is_closed() && server.stopping().is_set());
        let error = TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        server.wait().unwrap();
        assert_eq!(counts(server.stop(Duration::ZERO)), (0, 0, 0), "again");
    }

    fn idle_handlers_end_at_once_and_busy_ones_finish_their_request() {
        let server = StreamServer::builder().start("127.0.0.1:0", answer_slowly).unwrap();
        let (idle, busy) = (client(&server), client(&server));
        until(|| server.statistics().live == 2);
        (&busy).write_all(&[0]).unwrap();
        assert_eq!(answer(&busy), Some(1));
        let report = server.stop(None);
        assert_eq!(counts(report), (2, 0, 0));
        assert!(report.is_clean());
        assert_eq!((answer(&busy), answer(&busy), answer(&idle)), (Some(2), None, None));
    }

    /// C67
    fn stuck_handler_is_killed_at_the_deadline() {
        let server = StreamServer::builder()
            .start("127.0.0.1:0", |_connection| {
                greenstd::thread::sleep(HOUR);
                Ok(())
            })
            .unwrap();
        let stuck = [client(&server), client(&server)];
        until(|| server.statistics().live == 2);
        let start = Instant::now();
        let report = server.stop(2 * A_WHILE);
        assert_eq!(counts(report), (0, 2, 0));
        assert!(!report.is_clean() && start.elapsed() >= 2 * A_WHILE);
        assert_eq!((answer(&stuck[0]), answer(&stuck[1])), (None, None));
        assert_eq!(server.statistics().killed, 2);
    }

    fn stop_with_no_time_kills_at_once() {
        let server = StreamServer::builder().start("127.0.0.1:0", |mut connection| {
            connection.read_exact(&mut [0])
        }).unwrap();
        let _clients = [client(&server), client(&server)];
        until(|| server.statistics().live == 2);
        assert_eq!(counts(server.stop(Duration::ZERO)), (0, 2, 0));
    }

    fn handler_that_swallows_its_kill_is_reported_as_alive() {
        let end = Arc::new(Event::new());
        let its_end = Arc::clone(&end);
        let server = StreamServer::builder()
            .start("127.0.0.1:0", move |_connection| {
                greenstd::thread::shield(|| its_end.wait());
                Ok(())
            })
            .unwrap();
        let stuck = client(&server);
        until(|| server.statistics().live == 1);
        let start = Instant::now();
        assert_eq!(counts(server.stop(A_WHILE)), (0, 0, 1));
        assert!(start.elapsed() < DEADLINE);
        assert_eq!(server.statistics().live, 1);
        server.wait().unwrap();
        end.set();
        assert_eq!(answer(&stuck), None);
        until(|| server.statistics().live == 0);
        assert_eq!(counts(server.stop(None)), (0, 0, 0));
    }

    fn handler_in_its_handshake_is_killed_as_any_other() {
        let server = StreamServer::builder()
            .handshake(HOUR, |mut stream: TcpStream| {
                stream.read_exact(&mut [0])?;
                Ok(stream)
            })
            .start("127.0.0.1:0", echo)
            .unwrap();
        let silent = client(&server);
        until(|| server.statistics().live == 1);
        assert_eq!(counts(server.stop(A_WHILE)), (0, 1, 0));
        assert_eq!(answer(&silent), None);
    }

    fn what_was_accepted_is_served_though_its_handler_has_not_begun() {
        // Many at once, so that some wait for their turn.
        for _ in 0..10 {
            let server = StreamServer::builder()
                .start("127.0.0.1:0", |mut connection| connection.write_all(&[1]))
                .unwrap();
            let clients: Vec<_> = (0..20).map(|_| client(&server)).collect();
            until(|| server.statistics().accepted > 0);
            assert!(server.stop(None).is_clean());
            let served = clients.iter().filter(|stream| answer(stream) == Some(1)).count();
            let seen = server.statistics();
            assert_eq!((seen.accepted, seen.finished), (served as u64, served as u64));
        }
    }

    fn handler_can_stop_its_server() {
        let server = StreamServer::builder()
            .start("127.0.0.1:0", |mut connection| {
                connection.read_exact(&mut [0])?;
                let report = connection.server().stop(None);
                connection.write_all(&[report.finished as u8])
            })
            .unwrap();
        let stops = client(&server);
        (&stops).write_all(&[0]).unwrap();
        // Nobody else is there, and it does not wait for itself.
        assert_eq!((answer(&stops), answer(&stops)), (Some(0), None));
        server.serve_forever().unwrap();
    }

    fn stop_works_from_an_os_thread_and_ends_the_wait_when_all_is_over() {
        let server = StreamServer::builder().start("127.0.0.1:0", answer_slowly).unwrap();
        let stream = client(&server);
        (&stream).write_all(&[0]).unwrap();
        assert_eq!(answer(&stream), Some(1));
        let handle = server.handle();
        let stopper = std::thread::spawn(move || handle.stop(None));
        server.wait().unwrap();
        // The stop has waited for the second half of the answer, so this did, too.
        assert_eq!(server.statistics().live, 0);
        assert_eq!((answer(&stream), answer(&stream)), (Some(2), None));
        assert_eq!(counts(stopper.join().unwrap()), (1, 0, 0));
    }

    fn stops_at_the_same_time_all_wait_and_kill_each_handler_once() {
        let server = StreamServer::builder()
            .start("127.0.0.1:0", |_connection| {
                greenstd::thread::sleep(HOUR);
                Ok(())
            })
            .unwrap();
        let _clients: Vec<_> = (0..5).map(|_| client(&server)).collect();
        until(|| server.statistics().live == 5);
        let stops: Vec<_> = (0..3)
            .map(|_| {
                let handle = server.handle();
                thread::spawn(move || handle.stop(A_WHILE))
            })
            .collect();
        for stop in stops {
            assert_eq!(stop.join().unwrap().alive, 0);
        }
        assert_eq!((server.statistics().killed, server.statistics().live), (5, 0));
    }

    fn stop_that_is_killed_can_be_taken_up_by_another() {
        let server = StreamServer::builder()
            .start("127.0.0.1:0", |_connection| {
                greenstd::thread::sleep(HOUR);
                Ok(())
            })
            .unwrap();
        let _stuck = client(&server);
        until(|| server.statistics().live == 1);
        let handle = server.handle();
        let stopper = greenstd::thread::spawn(move || handle.stop(None));
        server.stopping().wait();
        assert!(stopper.kill_and_wait(DEADLINE).unwrap());
        // The wait does not depend on who is gone.
        server.wait().unwrap();
        assert_eq!(counts(server.stop(Duration::ZERO)), (0, 1, 0));
    }

    fn address_can_be_bound_again_at_once() {
        let server = StreamServer::builder().start("127.0.0.1:0", echo).unwrap();
        let address = *server.local_addr();
        let mut streams = vec![client(&server)];
        ask(&streams[0]);
        server.stop(DEADLINE);
        for _ in 0..5 {
            let server = StreamServer::builder().start(address, echo).unwrap();
            let stream = client(&server);
            ask(&stream);
            // Connections of the server before may still be closing.
            streams.push(stream);
            server.stop(Duration::ZERO);
        }
    }

    fn dropped_server_accepts_no_more_and_its_handlers_go_on() {
        let (sender, receiver) = channel::unbounded();
        let server = StreamServer::builder()
            .start("127.0.0.1:0", move |mut connection| {
                connection.stopping().wait();
                sender.send(()).unwrap();
                connection.read_exact(&mut [0])?;
                connection.write_all(&[1])
            })
            .unwrap();
        let (stream, address) = (client(&server), *server.local_addr());
        until(|| server.statistics().live == 1);
        let handle = server.handle();
        drop(server);
        receiver.recv().unwrap();
        handle.wait().unwrap();
        assert!(TcpStream::connect(address).is_err());
        (&stream).write_all(&[0]).unwrap();
        assert_eq!((answer(&stream), answer(&stream)), (Some(1), None));
    }

    fn handler_hears_of_a_stop_in_a_select() {
        let server = StreamServer::builder()
            .start("127.0.0.1:0", |connection| {
                let never = channel::never::<()>();
                let mut connection = connection;
                select! {
                    wait(connection.stopping()) => connection.write_all(b"s"),
                    recv(never) => Ok(()),
                }
            })
            .unwrap();
        let stream = client(&server);
        until(|| server.statistics().live == 1);
        assert!(!server.stopping().wait_timeout(Duration::from_millis(1)));
        assert!(server.stop(DEADLINE).is_clean());
        assert_eq!(answer(&stream), Some(b's'));
    }
}
