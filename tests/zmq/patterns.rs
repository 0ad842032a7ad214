//! Every pattern carries its messages, on threads of each kind.

use crate::fixture::{bound, connected, inside, pair};
use greenstd::net::zmq::{Context, SocketType};
use std::io::ErrorKind;
use std::time::Duration;

laws! {
    fn requests_are_answered_in_turn() {
        let (rep, req) = pair(SocketType::Rep, SocketType::Req);
        let server = thread::spawn(move || {
            for _ in 0..100 {
                let request = rep.recv().unwrap();
                rep.send(request).unwrap();
            }
        });
        for number in 0..100_u32 {
            req.send(number.to_be_bytes()).unwrap();
            assert_eq!(req.recv().unwrap(), number.to_be_bytes());
        }
        server.join().unwrap();
    }

    fn a_reply_without_its_request_is_an_error_at_once() {
        let (rep, req) = pair(SocketType::Rep, SocketType::Req);
        assert!(rep.send("nobody has asked").is_err());
        assert!(req.recv().is_err());
        req.send("question").unwrap();
        assert!(req.send("another").is_err());
        assert_eq!(rep.recv().unwrap(), "question");
    }

    fn what_is_pushed_is_pulled_in_order() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        let source = thread::spawn(move || {
            for number in 0..20_000_u32 {
                push.send(number.to_be_bytes()).unwrap();
            }
            push
        });
        for number in 0..20_000_u32 {
            assert_eq!(pull.recv().unwrap(), number.to_be_bytes());
        }
        drop(source.join().unwrap());
    }

    fn a_push_is_dealt_to_all_who_pull() {
        let context = Context::new();
        let (push, endpoint) = bound(&context, SocketType::Push);
        let pulls: Vec<_> =
            (0..4).map(|_| connected(&context, SocketType::Pull, &endpoint)).collect();
        let (sink, results) = bound(&context, SocketType::Pull);
        for pull in pulls {
            let result = connected(&context, SocketType::Push, &results);
            thread::spawn(move || {
                while let Ok(message) = pull.recv() {
                    if message == "end" {
                        break;
                    }
                    result.send(message).unwrap();
                }
                // Its linger is over at once: it stays until everything has arrived.
                pull.recv().unwrap();
            });
        }
        let mut sum = 0;
        for number in 0..1000_u64 {
            push.send(number.to_be_bytes()).unwrap();
        }
        for _ in 0..1000 {
            let message = sink.recv().unwrap();
            sum += u64::from_be_bytes(message.as_ref().try_into().unwrap());
        }
        assert_eq!(sum, 999 * 1000 / 2);
        for _ in 0..8 {
            push.try_send("end").unwrap();
        }
    }

    fn subscribers_hear_their_topics_only() {
        let context = Context::new();
        let (publisher, endpoint) = bound(&context, SocketType::XPub);
        let subscriber = connected(&context, SocketType::Sub, &endpoint);
        subscriber.subscribe(b"warm").unwrap();
        assert_eq!(publisher.recv().unwrap(), b"\x01warm");
        publisher.send_multipart(&["cold", "1"]).unwrap();
        publisher.send_multipart(&["warm", "2"]).unwrap();
        assert_eq!(subscriber.recv_multipart().unwrap(), ["warm", "2"]);
        subscriber.unsubscribe(b"warm").unwrap();
        assert_eq!(publisher.recv().unwrap(), b"\x00warm");
        assert_eq!(subscriber.try_recv().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    fn a_publisher_never_waits() {
        let context = Context::new();
        let (publisher, endpoint) = bound(&context, SocketType::Pub);
        publisher.set_send_high_water_mark(1).unwrap();
        let subscriber = connected(&context, SocketType::XSub, &endpoint);
        subscriber.send(b"\x01").unwrap();
        for _ in 0..10_000 {
            publisher.send([0; 1000]).unwrap();
        }
    }

    fn routers_know_their_peers_by_identity() {
        let context = Context::new();
        let (router, endpoint) = bound(&context, SocketType::Router);
        router.set_router_mandatory(true).unwrap();
        let dealers: Vec<_> = (0..3)
            .map(|number| {
                let dealer = context.socket(SocketType::Dealer).unwrap();
                dealer.set_identity(format!("dealer {number}").as_bytes()).unwrap();
                dealer.connect(&endpoint).unwrap();
                dealer.send("here").unwrap();
                dealer
            })
            .collect();
        for _ in 0..3 {
            let message = router.recv_multipart().unwrap();
            assert_eq!(message[1], "here");
            router.send_multipart(&[&*message[0], b"you are", &*message[0]]).unwrap();
        }
        for (number, dealer) in dealers.iter().enumerate() {
            let name = format!("dealer {number}");
            assert_eq!(dealer.recv_multipart().unwrap(), ["you are", &name]);
        }
        let error = router.send_multipart(&["nobody", "hello"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostUnreachable);
    }

    fn pairs_talk_both_ways_at_once() {
        let (left, right) = inside(&Context::new(), SocketType::Pair, SocketType::Pair);
        thread::scope(|scope| {
            for (socket, word) in [(&left, "left"), (&right, "right")] {
                scope.spawn(move || {
                    for _ in 0..3000 {
                        socket.send(word).unwrap();
                    }
                });
            }
            for (socket, word) in [(&left, "right"), (&right, "left")] {
                scope.spawn(move || {
                    for _ in 0..3000 {
                        assert_eq!(socket.recv().unwrap(), word);
                    }
                });
            }
        });
    }

    fn streams_speak_plain_tcp() {
        let (stream, endpoint) = bound(&Context::new(), SocketType::Stream);
        let address = endpoint.strip_prefix("tcp://").unwrap().to_owned();
        let client = thread::spawn(move || {
            use std::io::{Read, Write};
            let mut client = greenstd::net::TcpStream::connect(address).unwrap();
            client.write_all(b"hello").unwrap();
            let mut answer = [0; 6];
            client.read_exact(&mut answer).unwrap();
            answer
        });
        let connected = stream.recv_multipart().unwrap();
        assert!(connected[1].is_empty());
        let message = stream.recv_multipart().unwrap();
        assert_eq!(message[1], "hello");
        stream.send_multipart(&[&*message[0], b"answer"]).unwrap();
        assert_eq!(&client.join().unwrap(), b"answer");
    }

    fn parts_stay_together_and_in_order() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        let large = vec![7; 1 << 20];
        push.send_multipart(&[&b"first"[..], &[], &large]).unwrap();
        push.send_multipart(&["alone"]).unwrap();
        let parts = pull.recv_multipart().unwrap();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts.iter().map(|part| part.has_more()).collect::<Vec<_>>(), [
            true, true, false
        ]);
        assert!(parts[0] == "first" && parts[1].is_empty() && parts[2] == large);
        let part = pull.recv().unwrap();
        assert!(part == "alone" && !part.has_more());
        let none: [&[u8]; 0] = [];
        assert_eq!(push.send_multipart(&none).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    fn what_a_type_does_not_do_is_unsupported() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        assert_eq!(pull.send("x").unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(push.recv().unwrap_err().kind(), ErrorKind::Unsupported);
    }

    fn endpoints_come_and_go() {
        let context = Context::new();
        let (pull, endpoint) = bound(&context, SocketType::Pull);
        let push = connected(&context, SocketType::Push, &endpoint);
        push.send("there").unwrap();
        assert_eq!(pull.recv().unwrap(), "there");
        push.disconnect(&endpoint).unwrap();
        assert_eq!(push.try_send("gone").unwrap_err().kind(), ErrorKind::WouldBlock);
        pull.unbind(&endpoint).unwrap();
        assert_eq!(pull.unbind(&endpoint).unwrap_err().kind(), ErrorKind::NotFound);
        let (other, endpoint) = bound(&context, SocketType::Pull);
        push.connect(&endpoint).unwrap();
        push.send("elsewhere").unwrap();
        assert_eq!(other.recv().unwrap(), "elsewhere");
        assert_eq!(pull.bind(&endpoint).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(pull.bind("nonsense").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(pull.connect("tcp://\0").unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    fn a_socket_goes_from_thread_to_thread() {
        let (rep, req) = pair(SocketType::Rep, SocketType::Req);
        let mut sockets = (rep, req);
        for number in 0..10_u8 {
            let hop = move || {
                sockets.1.send([number]).unwrap();
                assert_eq!(sockets.0.recv().unwrap(), [number]);
                sockets.0.send([number]).unwrap();
                assert_eq!(sockets.1.recv().unwrap(), [number]);
                sockets
            };
            sockets = if number % 2 == 0 {
                thread::spawn(hop).join().unwrap()
            } else {
                greenstd::blocking(move || std::thread::spawn(hop).join().unwrap())
            };
        }
    }

    fn a_file_in_the_system_is_an_endpoint() {
        let context = Context::new();
        let path = std::env::temp_dir()
            .join(format!("greenstd-zmq-{}-{:?}", std::process::id(), thread::current().id()))
            .to_string_lossy()
            .replace([' ', '(', ')'], "");
        let endpoint = format!("ipc://{path}");
        let pull = context.socket(SocketType::Pull).unwrap();
        pull.bind(&endpoint).unwrap();
        let push = connected(&context, SocketType::Push, &endpoint);
        push.send("by file").unwrap();
        pull.set_receive_timeout(Some(Duration::from_secs(20)));
        assert_eq!(pull.recv().unwrap(), "by file");
        drop(pull);
        let _ = std::fs::remove_file(path);
    }
}
