//! What goes between two sockets.

use crate::fixture::{HUNG, SHORT};
use greenstd::net::zmq::{self, Context, Socket, SocketType};
use std::io::ErrorKind;

fn at(context: &Context, kind: SocketType, bind: Option<&str>, connect: Option<&str>) -> Socket {
    let socket = context.socket(kind).unwrap();
    if let Some(endpoint) = bind {
        socket.bind(endpoint).unwrap();
    }
    if let Some(endpoint) = connect {
        socket.connect(endpoint).unwrap();
    }
    socket
}

laws! {
    fn requests_reach_workers_and_their_replies_come_back() {
        let context = Context::new();
        let clients = at(&context, SocketType::Router, Some("inproc://clients"), None);
        let workers = at(&context, SocketType::Dealer, Some("inproc://workers"), None);
        let capture = at(&context, SocketType::Pub, Some("inproc://capture"), None);
        let proxy = thread::spawn(move || zmq::proxy(&clients, &workers, Some(&capture)).map(drop));
        let servers: Vec<_> = (0..3)
            .map(|_| {
                let rep = at(&context, SocketType::Rep, None, Some("inproc://workers"));
                thread::spawn(move || loop {
                    let request = rep.recv_multipart().unwrap();
                    rep.send_multipart(&request).unwrap();
                })
            })
            .collect();
        let askers: Vec<_> = (0..5_u32)
            .map(|asker| {
                let req = at(&context, SocketType::Req, None, Some("inproc://clients"));
                thread::spawn(move || {
                    for number in 0..50_u32 {
                        let question = [asker.to_be_bytes(), number.to_be_bytes()];
                        req.send_multipart(&question).unwrap();
                        assert_eq!(req.recv_multipart().unwrap(), question);
                    }
                })
            })
            .collect();
        for asker in askers {
            asker.join().unwrap();
        }
        assert!(proxy.kill_and_wait(HUNG).unwrap());
        assert!(thread::kill_all(&servers, HUNG).unwrap());
    }

    fn a_proxy_does_as_it_is_told() {
        let context = Context::new();
        let front = at(&context, SocketType::Pull, Some("inproc://front"), None);
        let back = at(&context, SocketType::Push, Some("inproc://back"), None);
        let control = at(&context, SocketType::Rep, Some("inproc://control"), None);
        let proxy = thread::spawn(move || zmq::proxy_steerable(&front, &back, None, &control));
        let push = at(&context, SocketType::Push, None, Some("inproc://front"));
        let pull = at(&context, SocketType::Pull, None, Some("inproc://back"));
        let steer = at(&context, SocketType::Req, None, Some("inproc://control"));
        let tell = |word: &str| {
            steer.send(word).unwrap();
            assert!(steer.recv().unwrap().is_empty());
        };
        push.send("through").unwrap();
        assert_eq!(pull.recv().unwrap(), "through");
        tell("PAUSE");
        tell("DANCE");
        push.send("held").unwrap();
        pull.set_receive_timeout(Some(SHORT));
        assert_eq!(pull.recv().unwrap_err().kind(), ErrorKind::WouldBlock);
        tell("RESUME");
        pull.set_receive_timeout(None);
        assert_eq!(pull.recv().unwrap(), "held");
        tell("TERMINATE");
        proxy.join().unwrap().unwrap();
    }

    fn without_a_direction_there_is_no_proxy() {
        let context = Context::new();
        let [first, second] = [0, 1].map(|_| context.socket(SocketType::Push).unwrap());
        let error = zmq::proxy(&first, &second, None).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
