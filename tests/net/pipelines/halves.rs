//! The halves of a stream: whose they are, and when it is closed.

use super::fixture::{Scene, bytes};
use greenstd::io::{OwnedReadHalf, OwnedWriteHalf, Read, ReuniteError, Write};
use greenstd::net::TcpStream;

laws! {
    /// C59
    fn halves_move_bytes_both_ways_at_once() {
        let Scene { mut client, a, .. } = Scene::new();
        let (request, answer) = (bytes(14, 100_000), bytes(15, 100_000));
        let (mut reader, mut writer) = a.into_split();
        let (sent, expected) = (answer.clone(), request.clone());
        let writing = thread::spawn(move || {
            writer.write_all(&sent).unwrap();
            writer
        });
        let reading = thread::spawn(move || {
            let mut received = vec![0; expected.len()];
            reader.read_exact(&mut received).unwrap();
            assert!(received == expected);
            reader
        });
        let peer = std::thread::spawn(move || {
            let mut other = client.try_clone().unwrap();
            let sender = std::thread::spawn(move || other.write_all(&request).unwrap());
            let mut received = vec![0; answer.len()];
            client.read_exact(&mut received).unwrap();
            assert!(received == answer);
            sender.join().unwrap();
            client
        });
        let (reader, writer) = (reading.join().unwrap(), writing.join().unwrap());
        let stream = reader.reunite(writer).unwrap();
        let mut client = peer.join().unwrap();
        // Nothing was shut down.
        (&stream).write_all(b"!").unwrap();
        client.read_exact(&mut [0]).unwrap();
    }

    /// C62
    fn descriptor_lives_until_the_last_half_is_gone() {
        let Scene { mut client, a, .. } = Scene::new();
        let (reader, mut writer) = a.into_split();
        drop(reader);
        writer.write_all(b"still here").unwrap();
        client.read_exact(&mut [0; 10]).unwrap();
        drop(writer);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }

    /// C62
    fn dropped_write_half_is_the_end_for_the_peer_while_the_other_half_reads() {
        let Scene { mut client, a, .. } = Scene::new();
        let (mut reader, mut writer) = a.into_split();
        writer.write_all(b"request").unwrap();
        drop(writer);
        let mut request = String::new();
        client.read_to_string(&mut request).unwrap();
        assert_eq!(request, "request");
        client.write_all(b"answer").unwrap();
        drop(client);
        let mut answer = String::new();
        reader.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "answer");
    }

    fn forgotten_write_half_ends_nothing() {
        let Scene { mut client, a, .. } = Scene::new();
        let (reader, writer) = a.into_split();
        writer.forget();
        let stream: &TcpStream = reader.as_ref();
        { stream }.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
    }

    fn halves_of_different_streams_are_given_back() {
        let Scene { a, b, .. } = Scene::new();
        let (number, other) = (a.peer_addr().unwrap(), b.peer_addr().unwrap());
        let ((reader, writer), (other_reader, other_writer)) = (a.into_split(), b.into_split());
        let error = reader.reunite(other_writer).unwrap_err();
        assert_eq!(error.to_string(), "the two halves are not of the same stream");
        let ReuniteError(reader, other_writer): ReuniteError<TcpStream> = error;
        assert_eq!(reader.reunite(writer).unwrap().peer_addr().unwrap(), number);
        assert_eq!(other_writer.reunite(other_reader).unwrap().peer_addr().unwrap(), other);
    }

    fn borrowed_halves_end_nothing_and_borrow() {
        let Scene { mut client, a, .. } = Scene::new();
        {
            let (mut reader, mut writer) = a.split();
            client.write_all(b"in").unwrap();
            thread::scope(|scope| {
                scope.spawn(|| reader.read_exact(&mut [0; 2]).unwrap());
                scope.spawn(|| writer.write_all(b"out").unwrap());
            });
        }
        client.read_exact(&mut [0; 3]).unwrap();
        (&a).write_all(b"more").unwrap();
        client.read_exact(&mut [0; 4]).unwrap();
    }
}

#[test]
fn killed_reader_leaves_the_writer_its_half() {
    for workers in [1, 2] {
        crate::flavour::on_workers(workers, || {
            let Scene { mut client, a, .. } = Scene::new();
            let (reader, mut writer): (OwnedReadHalf<_>, OwnedWriteHalf<_>) = a.into_split();
            let reading = greenstd::thread::spawn(move || (&reader).read(&mut [0]));
            greenstd::thread::sleep(std::time::Duration::from_millis(10));
            assert!(reading.kill_and_wait(None).unwrap());
            writer.write_all(b"alive").unwrap();
            client.read_exact(&mut [0; 5]).unwrap();
        });
    }
}
