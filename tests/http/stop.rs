//! Laws of the end of a server.

use crate::fixture::{for_each_flavour, serve};
use greenstd::net::http::{Request, Response, ResponseBody};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

const A_LOT: Duration = Duration::from_secs(20);

#[test]
fn idle_connections_are_cut_and_requests_under_way_finish() {
    for_each_flavour(|workers| {
        let (begun, go_on) =
            (Arc::new(greenstd::sync::Event::new()), Arc::new(greenstd::sync::Event::new()));
        let (its_begun, its_go_on) = (begun.clone(), go_on.clone());
        let mut served = serve(
            workers,
            |builder| builder,
            move |request: Request| {
                if request.uri().path() == "/long" {
                    its_begun.set();
                    its_go_on.wait();
                }
                "done"
            },
        );
        let (mut idle, mut fresh, mut busy) = (served.client(), served.client(), served.client());
        assert_eq!(idle.get("/").status, 200);
        busy.send("GET /long HTTP/1.1\r\nhost: t\r\n\r\n");
        begun.wait();
        let server = served.server.take().unwrap();
        let stopper = std::thread::spawn(move || server.stop(A_LOT));
        idle.assert_closed();
        fresh.assert_closed();
        go_on.set();
        assert_eq!(busy.answer().text(), "done");
        busy.assert_closed();
        assert!(stopper.join().unwrap().is_clean());
    });
}

#[test]
fn streams_under_way_come_to_their_ends() {
    for_each_flavour(|workers| {
        let event = Arc::new(greenstd::sync::Event::new());
        let go_on = event.clone();
        let mut served = serve(
            workers,
            |builder| builder,
            move |_: Request| {
                let event = event.clone();
                Response::new(ResponseBody::writer(move |body| {
                    body.write_all(b"one")?;
                    body.flush()?;
                    event.wait();
                    body.write_all(b"two")
                }))
            },
        );
        let mut client = served.client();
        client.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
        client.head();
        assert_eq!(client.chunk().unwrap(), b"one");
        let server = served.server.take().unwrap();
        let stopping = server.stopping();
        let stopper = std::thread::spawn(move || server.stop(A_LOT));
        stopping.wait();
        go_on.set();
        assert_eq!(client.chunk().unwrap(), b"two");
        assert_eq!(client.chunk(), None);
        assert!(stopper.join().unwrap().is_clean());
    });
}

#[test]
fn what_does_not_end_is_killed_with_all_that_it_has_started() {
    for_each_flavour(|workers| {
        let live = Arc::new(());
        let its_live = live.clone();
        let mut served = serve(
            workers,
            |builder| builder,
            move |mut request: Request| {
                let counted = its_live.clone();
                if request.uri().path() == "/writer" {
                    return Response::new(ResponseBody::writer(move |body| {
                        let _counted = counted;
                        body.flush()?;
                        greenstd::sync::Event::new().wait();
                        Ok(())
                    }));
                }
                request.body_mut().read_all().unwrap();
                greenstd::sync::Event::new().wait();
                drop(counted);
                Response::default()
            },
        );
        let mut clients: Vec<_> = (0..3).map(|_| served.client()).collect();
        clients[0].send("GET /hangs HTTP/1.1\r\nhost: t\r\n\r\n");
        clients[1].send("POST /hangs HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\r\nx");
        clients[2].send("GET /writer HTTP/1.1\r\nhost: t\r\n\r\n");
        while Arc::strong_count(&live) < 5 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let server = served.server.take().unwrap();
        let report = server.stop(Duration::from_millis(10));
        assert_eq!((report.killed, report.alive), (3, 0));
        for client in &mut clients {
            let _ = client.rest();
        }
        drop(server);
        let deadline = std::time::Instant::now() + A_LOT;
        // The server's own handler holds one.
        while Arc::strong_count(&live) > 2 {
            assert!(std::time::Instant::now() < deadline, "a handler is left behind");
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}
