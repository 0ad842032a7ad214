//! Event loops that are hidden in libraries: tokio, over mio, on green threads.

use super::{WHILE, hooked, side_by_side};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

fn loop_of_its_own() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_hundred_loops_of_tokio_sleep_side_by_side_on_one_worker() {
    hooked().run(|| {
        let start = Instant::now();
        side_by_side(|_| {
            loop_of_its_own().block_on(async {
                for _ in 0..3 {
                    tokio::time::sleep(WHILE / 2).await;
                }
            });
        });
        let took = start.elapsed();
        assert!((WHILE..50 * WHILE).contains(&took), "took {took:?}");
    });
}

#[test]
fn a_hundred_loops_of_tokio_talk_to_a_server_of_std_on_one_worker() {
    hooked().run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let connections: Vec<_> = (0..100).map(|_| listener.accept().unwrap().0).collect();
            for mut connection in connections {
                let mut message = [0; 4];
                for _ in 0..10 {
                    connection.read_exact(&mut message).unwrap();
                    connection.write_all(&message).unwrap();
                }
            }
        });
        side_by_side(move |_| {
            loop_of_its_own().block_on(async {
                let mut stream = TcpStream::connect(address).await.unwrap();
                for number in 0..10_u32 {
                    stream.write_all(&number.to_ne_bytes()).await.unwrap();
                    let mut message = [0; 4];
                    stream.read_exact(&mut message).await.unwrap();
                    assert_eq!(u32::from_ne_bytes(message), number);
                }
            });
        });
        server.join().unwrap();
    });
}
