//! Encrypted connections: to whom they are made, and to whom not.

use crate::fixture::{HUNG, SHORT, connected};
use greenstd::net::zmq::{self, Context, CurveKey, CurveKeyPair, MonitorEventKind, SocketType};
use std::io::ErrorKind;

laws! {
    fn only_who_knows_the_servers_key_is_heard() {
        assert!(zmq::has("curve"), "these tests want a libzmq with CURVE");
        let (server, client, wrong) = (
            CurveKeyPair::new().unwrap(),
            CurveKeyPair::new().unwrap(),
            CurveKeyPair::new().unwrap(),
        );
        let context = Context::new();
        let pull = context.socket(SocketType::Pull).unwrap();
        pull.set_curve_server(&server.secret).unwrap();
        let monitor = pull
            .monitor(&[
                MonitorEventKind::HandshakeFailedProtocol,
                MonitorEventKind::HandshakeFailed,
            ])
            .unwrap();
        monitor.set_receive_timeout(Some(HUNG));
        pull.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = pull.last_endpoint().unwrap();

        let stranger = context.socket(SocketType::Push).unwrap();
        stranger.set_curve_client(&wrong.public, &client).unwrap();
        stranger.connect(&endpoint).unwrap();
        stranger.send("with a wrong key").unwrap();
        monitor.recv().unwrap();
        // Without encryption.
        let plain = connected(&context, SocketType::Push, &endpoint);
        plain.send("in the clear").unwrap();
        monitor.recv().unwrap();
        pull.set_receive_timeout(Some(SHORT));
        assert_eq!(pull.recv().unwrap_err().kind(), ErrorKind::WouldBlock);

        let push = context.socket(SocketType::Push).unwrap();
        push.set_curve_client(&server.public, &client).unwrap();
        push.connect(&endpoint).unwrap();
        push.send("right").unwrap();
        pull.set_receive_timeout(Some(HUNG));
        assert_eq!(pull.recv().unwrap(), "right");
        for socket in [&stranger, &push] {
            socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
        }
    }
}

#[test]
fn keys_are_read_as_they_are_written() {
    // The client's public key in the manual of libzmq.
    let text = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
    let key: CurveKey = text.parse().unwrap();
    assert_eq!(key.to_string(), text);
    assert_eq!(key.to_bytes()[..4], [0xbb, 0x88, 0x47, 0x1d]);
    assert_eq!(CurveKey::from(key.to_bytes()), key);
    assert!(!format!("{key:?}").contains("Yne"));
    let pair = CurveKeyPair::new().unwrap();
    assert_eq!(pair.secret.to_string().parse(), Ok(pair.secret));
    for wrong in ["", "short", &"#".repeat(40), &" ".repeat(40), &"0".repeat(41), "ü"] {
        assert!(wrong.parse::<CurveKey>().is_err(), "{wrong}");
    }
}
