//! Many sockets at once.

use crate::child;
use crate::flavour::on_workers;
use greenstd::net::zmq::{Context, SocketType};
use greenstd::thread;

#[test]
fn a_thousand_sockets_wait_each_on_a_green_thread() {
    child::succeed(|| {
        // Three descriptors for each: its own, libzmq's, and the duplicate of that.
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a limit of this process is read into a struct of its kind.
        unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: as above, and written.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
        for workers in [1, 2] {
            on_workers(workers, || {
                let context = Context::new();
                let router = context.socket(SocketType::Router).unwrap();
                router.bind("inproc://crowd").unwrap();
                let dealers: Vec<_> = (0..1000_u32)
                    .map(|number| {
                        let dealer = context.socket(SocketType::Dealer).unwrap();
                        dealer.connect("inproc://crowd").unwrap();
                        thread::spawn(move || {
                            for _ in 0..3 {
                                dealer.send(number.to_be_bytes()).unwrap();
                                assert_eq!(dealer.recv().unwrap(), number.to_be_bytes());
                            }
                        })
                    })
                    .collect();
                for _ in 0..3000 {
                    let message = router.recv_multipart().unwrap();
                    router.send_multipart(&message).unwrap();
                }
                for dealer in dealers {
                    dealer.join().unwrap();
                }
            });
        }
    });
}
