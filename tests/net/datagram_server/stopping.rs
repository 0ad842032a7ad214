//! The end of a server: in phases, from everywhere, and by a drop.

use super::{LONG, SOON, answer, ask, assert_free, client, echo_server, eventually};
use crate::flavour::{Watchdog, on_workers};
use crate::unfaulted::without_faults;
use greenstd::net::UdpSocket;
use greenstd::net::server::DatagramServer;
use greenstd::runtime::Builder;
use greenstd::sync::{Event, Mutex, Semaphore};
use greenstd::thread;
use greenstd::time::{TimedOut, timeout};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A server whose handlers acquire a permit each, and reply.
fn gated() -> (DatagramServer, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let handler_permits = permits.clone();
    let server = DatagramServer::builder()
        .start("127.0.0.1:0", move |datagram| {
            handler_permits.acquire();
            datagram.reply(datagram.bytes())
        })
        .unwrap();
    (server, permits)
}

fn send_and_wait(server: &DatagramServer, count: u64) -> UdpSocket {
    let client = client(server.local_addr());
    for _ in 0..count {
        client.send(b"question").unwrap();
    }
    eventually("all are live", || server.statistics().live == count);
    client
}

laws! {
    fn stop_of_an_idle_server_frees_the_address_at_once() {
        for served in [false, true] {
            let server = echo_server();
            if served {
                assert_eq!(ask(&client(server.local_addr()), b"hello"), b"hello");
            }
            let report = server.stop(None);
            assert_eq!((report.finished, report.killed, report.alive), (0, 0, 0));
            UdpSocket::bind(server.local_addr()).unwrap();
            assert!(server.stop(Duration::ZERO).is_clean(), "again");
            server.wait().unwrap();
        }
    }

    fn stop_waits_for_the_handlers_and_receives_no_more() {
        let (server, permits) = gated();
        let client = send_and_wait(&server, 3);
        let server = Arc::new(server);
        let stopped = server.clone();
        let stopping = thread::spawn(move || stopped.stop(None));
        thread::sleep(SOON);
        assert!(!stopping.is_finished());
        client.send(b"late").unwrap();
        thread::sleep(SOON);
        assert_eq!(server.statistics().received, 3);
        permits.release_many(3);
        let report = stopping.join().unwrap();
        assert_eq!((report.finished, report.killed, report.alive), (3, 0, 0));
        assert!(report.is_clean());
        for _ in 0..3 {
            assert_eq!(answer(&client), b"question");
        }
        UdpSocket::bind(server.local_addr()).unwrap();
    }

    // C67: what does not end in time is killed.
    fn stuck_handlers_are_killed_when_the_time_is_up() {
        let (server, permits) = gated();
        let client = send_and_wait(&server, 3);
        // One of them gets through.
        permits.release();
        assert_eq!(answer(&client), b"question");
        eventually("it has ended", || server.statistics().live == 2);
        let start = Instant::now();
        let report = server.stop(Duration::from_millis(50));
        assert!(start.elapsed() >= Duration::from_millis(50));
        assert!(start.elapsed() < LONG);
        assert_eq!((report.finished, report.killed, report.alive), (0, 2, 0));
        assert!(!report.is_clean());
        assert_eq!(server.statistics().killed, 2);
        assert_eq!(permits.available_permits(), 0);
        UdpSocket::bind(server.local_addr()).unwrap();
    }

    fn handler_that_will_not_end_is_reported_and_not_waited_for() {
        // A send that is told to wait is a place at which the kill ends it.
        without_faults(|| {
            let release = Arc::new(Event::new());
            let handler_release = release.clone();
            let server = DatagramServer::builder()
                .start("127.0.0.1:0", move |datagram| {
                    thread::shield(|| handler_release.wait());
                    datagram.reply(b"done")
                })
                .unwrap();
            let client = send_and_wait(&server, 1);
            let report = server.stop(Duration::ZERO);
            assert_eq!((report.finished, report.killed, report.alive), (0, 0, 1));
            let taken = UdpSocket::bind(server.local_addr()).is_err();
            assert!(taken, "the handler has its socket");
            release.set();
            assert_eq!(answer(&client), b"done");
            assert_free(server.local_addr());
        });
    }

    fn wait_and_serve_forever_end_with_the_stop() {
        let server = Arc::new(echo_server());
        let waiters = [
            { let server = server.clone(); thread::spawn(move || server.wait()) },
            { let server = server.clone(); thread::spawn(move || server.serve_forever()) },
        ];
        assert_eq!(ask(&client(server.local_addr()), b"hello"), b"hello");
        assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
        assert!(server.stop(None).is_clean());
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap().unwrap());
    }

    fn serve_forever_that_is_ended_ends_the_server() {
        let server = Arc::new(echo_server());
        let serving = server.clone();
        let forever = thread::spawn(move || serving.serve_forever());
        assert_eq!(ask(&client(server.local_addr()), b"hello"), b"hello");
        thread::sleep(SOON);
        assert!(forever.kill_and_wait(LONG).unwrap());
        server.wait().unwrap();
        assert_free(server.local_addr());

        let server = echo_server();
        assert_eq!(timeout(SOON, || server.serve_forever().is_ok()), Err(TimedOut));
        assert_free(server.local_addr());
    }

    fn wait_that_is_ended_leaves_the_server_alone() {
        let server = echo_server();
        assert_eq!(timeout(SOON, || server.wait().is_ok()), Err(TimedOut));
        assert_eq!(ask(&client(server.local_addr()), b"hello"), b"hello");
    }

    fn stop_that_is_ended_can_be_done_again() {
        let (server, permits) = gated();
        let client = send_and_wait(&server, 2);
        assert_eq!(timeout(SOON, || server.stop(None).is_clean()), Err(TimedOut));
        permits.release();
        assert_eq!(answer(&client), b"question");
        let report = server.stop(SOON);
        assert_eq!((report.killed, report.alive), (1, 0));
    }

    fn several_stops_at_once_all_return() {
        let (server, permits) = gated();
        send_and_wait(&server, 3);
        let server = Arc::new(server);
        let stops = [(); 4].map(|()| {
            let server = server.clone();
            thread::spawn(move || server.stop(None).is_clean())
        });
        thread::sleep(SOON);
        permits.release_many(3);
        assert!(stops.into_iter().all(|stop| stop.join().unwrap()));
        UdpSocket::bind(server.local_addr()).unwrap();
    }

    fn handler_may_stop_its_server_and_goes_on() {
        let itself = Arc::new(OnceLock::<Arc<DatagramServer>>::new());
        let (handler_itself, reported) = (itself.clone(), Arc::new(Mutex::new(None)));
        let handler_reported = reported.clone();
        let server = DatagramServer::builder()
            .start("127.0.0.1:0", move |datagram| {
                if datagram.bytes() == b"stop" {
                    let report = handler_itself.get().unwrap().stop(SOON);
                    *handler_reported.lock().unwrap() = Some(report);
                    return datagram.reply(b"stopped");
                }
                thread::park();
                Ok(())
            })
            .unwrap();
        let server = Arc::new(server);
        itself.set(server.clone()).unwrap();
        let client = send_and_wait(&server, 2);
        assert_eq!(ask(&client, b"stop"), b"stopped");
        server.wait().unwrap();
        let report = reported.lock().unwrap().take().unwrap();
        assert_eq!((report.finished, report.killed, report.alive), (0, 2, 0), "but itself");
        assert_free(server.local_addr());
    }

    fn dropped_server_receives_no_more_and_its_handlers_go_on() {
        let (server, permits) = gated();
        let client = send_and_wait(&server, 2);
        let address = server.local_addr();
        drop(server);
        thread::sleep(SOON);
        assert!(UdpSocket::bind(address).is_err(), "the handlers have its socket");
        permits.release_many(2);
        for _ in 0..2 {
            assert_eq!(answer(&client), b"question");
        }
        assert_free(address);
    }

    fn datagram_that_was_given_away_keeps_the_socket() {
        let kept = Arc::new(Mutex::new(None));
        let handler_kept = kept.clone();
        let server = DatagramServer::builder()
            .start("127.0.0.1:0", move |datagram| {
                *handler_kept.lock().unwrap() = Some(datagram);
                Ok(())
            })
            .unwrap();
        let client = client(server.local_addr());
        client.send(b"later").unwrap();
        eventually("it is handled", || server.statistics().finished == 1);
        assert!(server.stop(None).is_clean());
        let datagram = kept.lock().unwrap().take().unwrap();
        datagram.reply(b"now").unwrap();
        assert_eq!(answer(&client), b"now");
        drop(datagram);
        assert_free(server.local_addr());
    }
}

/// A handler that had not even started when it was killed is in the report as well.
#[test]
fn handlers_that_never_started_count_as_killed() {
    on_workers(1, || {
        let runs = Arc::new(AtomicUsize::new(0));
        let handler_runs = runs.clone();
        let server = DatagramServer::builder()
            .start("127.0.0.1:0", move |_datagram| {
                handler_runs.fetch_add(1, Ordering::SeqCst);
                thread::park();
                Ok(())
            })
            .unwrap();
        let client = client(server.local_addr());
        for _ in 0..50 {
            client.send(b"question").unwrap();
        }
        // The only worker is left to the receiver now and then, as chance has it.
        eventually("some are received", || server.statistics().received > 0);
        let report = server.stop(Duration::ZERO);
        let statistics = server.statistics();
        assert_eq!(report.alive, 0);
        assert_eq!(statistics.killed, statistics.received);
        assert!(runs.load(Ordering::SeqCst) as u64 <= statistics.received);
        assert_eq!((statistics.live, statistics.finished), (0, 0));
    });
}

#[test]
fn end_of_the_runtime_ends_the_server_and_its_waiters() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        let (server, _permits) = runtime.run(gated);
        let server = Arc::new(server);
        let address = server.local_addr();
        let asker = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        asker.send_to(b"question", address).unwrap();
        eventually("it is live", || server.statistics().live == 1);
        let waiting = server.clone();
        let waiter = std::thread::spawn(move || waiting.wait());
        runtime.shutdown();
        waiter.join().unwrap().unwrap();
        assert_eq!(server.statistics().killed, 1);
        assert_free(address);
        assert!(server.stop(None).is_clean());
    }
}
