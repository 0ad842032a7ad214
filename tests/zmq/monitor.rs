//! What a monitor hears.

use crate::fixture::{HUNG, connected};
use greenstd::net::zmq::{Context, MonitorEventKind, SocketType};
use std::io::ErrorKind;

laws! {
    fn a_monitor_hears_of_connections() {
        let context = Context::new();
        let rep = context.socket(SocketType::Rep).unwrap();
        let kinds = [
            MonitorEventKind::Listening,
            MonitorEventKind::Accepted,
            MonitorEventKind::HandshakeSucceeded,
            MonitorEventKind::Disconnected,
        ];
        let monitor = rep.monitor(&kinds).unwrap();
        monitor.set_receive_timeout(Some(HUNG));
        assert_eq!(monitor.try_recv().unwrap_err().kind(), ErrorKind::WouldBlock);
        rep.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = rep.last_endpoint().unwrap();
        let client = connected(&context, SocketType::Req, &endpoint);
        for kind in &kinds[..3] {
            let event = monitor.recv().unwrap();
            assert_eq!(event.kind, *kind);
            assert_eq!(event.endpoint, endpoint);
        }
        drop(client);
        assert_eq!(monitor.recv().unwrap().kind, MonitorEventKind::Disconnected);
        assert_eq!(rep.monitor(&[]).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
