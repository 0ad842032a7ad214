//! Values pass between std and its mirror: those that never block are the same, and those that do
//! are converted.

use greenstd::patch::std as mirror;
use mirror::io::{IsTerminal, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

laws! {
    fn sockets_keep_their_descriptor_on_the_way_there_and_back() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address: mirror::net::SocketAddr = listener.local_addr().unwrap();
        let listener = mirror::net::TcpListener::from(listener);
        let client = thread::spawn(move || std::net::TcpStream::connect(address).unwrap());
        let (mut server, _) = listener.accept().unwrap();
        let client = client.join().unwrap();
        let number = client.as_raw_fd();
        let mut client = mirror::net::TcpStream::from(client);
        assert_eq!(client.as_raw_fd(), number);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4];
            client.read_exact(&mut bytes).map(|()| (bytes, client.into_std()))
        });
        thread::sleep(Duration::from_millis(2));
        server.write_all(b"four").unwrap();
        let (bytes, client) = reader.join().unwrap().unwrap();
        assert_eq!((&bytes, client.as_raw_fd()), (b"four", number));
        let _: std::net::UdpSocket =
            mirror::net::UdpSocket::bind("127.0.0.1:0").unwrap().into_std();
    }

    fn unix_sockets_and_pipes_pass_between_them() {
        let (left, right) = std::os::unix::net::UnixStream::pair().unwrap();
        let (left, mut right) = (mirror::os::unix::net::UnixStream::from(left), right);
        right.write_all(b"x").unwrap();
        assert_eq!((&left).read(&mut [0; 8]).unwrap(), 1);
        let left: std::os::unix::net::UnixStream = left.into_std();
        drop(left);
        let (reader, writer) = std::io::pipe().unwrap();
        let (mut reader, mut writer) =
            (mirror::io::PipeReader::from(reader), mirror::io::PipeWriter::from(writer));
        let read = thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        thread::sleep(Duration::from_millis(2));
        writer.write_all(b"through a pipe of std's").unwrap();
        drop(OwnedFd::from(writer));
        assert_eq!(read.join().unwrap().unwrap(), "through a pipe of std's");
    }

    fn files_and_children_pass_between_them() {
        let file = std::fs::File::open("/proc/self/status").unwrap();
        let mut file = mirror::fs::File::from(file);
        let mut start = [0; 5];
        file.read_exact(&mut start).unwrap();
        let file: std::fs::File = file.into_std();
        let metadata: std::fs::Metadata = mirror::fs::metadata("/proc/self/status").unwrap();
        assert!(metadata.is_file() && !file.is_terminal());
        assert_eq!(&start, b"Name:");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "exit 5"]);
        let child = command.spawn().unwrap();
        let status: std::process::ExitStatus =
            mirror::process::Child::from(child).wait().unwrap();
        assert_eq!(status.code(), Some(5));
        assert_eq!(mirror::process::Command::from(command).status().unwrap(), status);
    }

    fn errors_and_times_are_the_same_on_both_sides() {
        fn over_std() -> std::io::Result<std::time::Instant> {
            // The mirror's errors go through std's `?`, and the other way round.
            mirror::fs::read("/nowhere/at/all").map(|_| mirror::time::Instant::now())
        }
        let error: mirror::io::Error = over_std().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        let (sender, receiver) = mirror::sync::mpsc::channel::<u8>();
        drop(sender);
        let end: std::sync::mpsc::RecvError = receiver.recv().unwrap_err();
        assert_eq!(end, mirror::sync::mpsc::RecvError);
        let shared: std::sync::Arc<mirror::sync::Mutex<u8>> = mirror::sync::Arc::default();
        let poisoned: std::sync::LockResult<_> = shared.lock();
        assert!(poisoned.is_ok());
    }
}
