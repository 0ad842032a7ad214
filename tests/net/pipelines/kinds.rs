//! Copies between streams of different kinds: what goes in at one end comes out at the other.

use super::fixture::{PATIENCE, bytes};
use greenstd::io::{self, CopyBidirectional, Duplex, Read, Write};
use greenstd::net::{DuplexStream, Shutdown, TcpStream, duplex};
use greenstd::os::unix::net::UnixStream;
use greenstd::thread;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::thread::JoinHandle;

const BYTES: usize = 3_000_000;

/// A stream that the tests talk into, whose other end is copied.
trait Far: Read + Write + Send + Sized + 'static {
    type Near: Duplex + Send + Sync + 'static;

    fn connected() -> (Self, Self::Near);
    fn try_clone(&self) -> io::Result<Self>;
    fn end(&self);
}

macro_rules! far {
    ($far:ty, $near:ty, $pair:expr) => {
        impl Far for $far {
            type Near = $near;

            fn connected() -> ($far, $near) {
                $pair
            }

            fn try_clone(&self) -> io::Result<$far> {
                <$far>::try_clone(self)
            }

            fn end(&self) {
                <$far>::shutdown(self, Shutdown::Write).unwrap();
            }
        }
    };
}

far!(std::net::TcpStream, TcpStream, {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    (client, listener.accept().unwrap().0.into())
});
far!(StdUnixStream, UnixStream, {
    let (far, near) = StdUnixStream::pair().unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    (far, near.into())
});
far!(DuplexStream, DuplexStream, duplex(10_000));

/// Megabytes in both directions at once, each ended by its sender.
fn full_duplex<A: Far, B: Far>(settings: CopyBidirectional) {
    let ((far_a, a), (far_b, b)) = (A::connected(), B::connected());
    let senders = [talk(1, &far_a), talk(2, &far_b)];
    let (at_a, at_b) = (hear(far_a), hear(far_b));
    let copied = thread::spawn(move || settings.run(&a, &b)).join().unwrap().unwrap();
    assert_eq!(copied, (BYTES as u64, BYTES as u64));
    for sender in senders {
        sender.join().unwrap();
    }
    assert!(at_b.join().unwrap() == bytes(1, BYTES), "from a to b");
    assert!(at_a.join().unwrap() == bytes(2, BYTES), "from b to a");
}

/// Sends, and then the end, on a thread of its own.
fn talk<F: Far>(seed: u64, far: &F) -> JoinHandle<()> {
    let mut far = far.try_clone().unwrap();
    std::thread::spawn(move || {
        far.write_all(&bytes(seed, BYTES)).unwrap();
        far.end();
    })
}

/// Hears everything, until the end, on a thread of its own.
fn hear<F: Far>(mut far: F) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut heard = Vec::new();
        far.read_to_end(&mut heard).unwrap();
        heard
    })
}

laws! {
    fn all_bytes_arrive_between_unix_streams() {
        full_duplex::<StdUnixStream, StdUnixStream>(CopyBidirectional::new());
    }

    fn all_bytes_arrive_between_unix_streams_that_are_spliced() {
        full_duplex::<StdUnixStream, StdUnixStream>(CopyBidirectional::new().splice(true));
    }

    fn all_bytes_arrive_between_tcp_and_unix() {
        full_duplex::<std::net::TcpStream, StdUnixStream>(CopyBidirectional::new());
        full_duplex::<std::net::TcpStream, StdUnixStream>(CopyBidirectional::new().splice(true));
    }

    fn all_bytes_arrive_between_memory_and_a_socket() {
        full_duplex::<DuplexStream, std::net::TcpStream>(CopyBidirectional::new());
        full_duplex::<DuplexStream, StdUnixStream>(CopyBidirectional::new());
    }

    /// The kernel tells a writer that waits nothing of it.
    fn sink_that_will_read_no_more_ends_a_copy_that_is_blocked() {
        let ((mut source, a), (b, sink)) =
            (StdUnixStream::pair().unwrap(), StdUnixStream::pair().unwrap());
        let (a, b) = (UnixStream::from(a), UnixStream::from(b));
        let copy = thread::spawn(move || io::copy_bidirectional(&a, &b));
        source.set_nonblocking(true).unwrap();
        // Until everything is full, and has been for a while.
        let mut refused = 0;
        while refused < 5 {
            match source.write(&[0; 65536]) {
                Ok(_) => refused = 0,
                Err(_) => refused += 1,
            }
            thread::sleep(std::time::Duration::from_millis(2));
        }
        sink.shutdown(Shutdown::Read).unwrap();
        let error = copy.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    fn halves_of_every_kind_meet_again() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let (mut reader, mut writer) = one.into_split();
        writer.write_all(b"there").unwrap();
        other.write_all(b"back!").unwrap();
        let mut heard = [0; 5];
        reader.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"back!");
        other.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"there");
        let one = reader.reunite(writer).unwrap();
        drop(one);
        assert_eq!(other.read(&mut heard).unwrap(), 0);

        let (one, mut other) = duplex(16);
        let (mut reader, writer) = one.into_split();
        drop(writer);
        assert_eq!(other.read(&mut heard).unwrap(), 0);
        other.write_all(b"still").unwrap();
        reader.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"still");
    }
}
