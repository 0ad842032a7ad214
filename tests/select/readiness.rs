//! Descriptors as arms.

use greenstd::{channel, select};
use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

laws! {
    fn a_read_that_begins_while_a_select_waits_for_the_same_descriptor_hears_of_it_too() {
        let (stream, mut peer) = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (greenstd::net::TcpStream::from(client), listener.accept().unwrap().0)
        };
        let stream = std::sync::Arc::new(stream);
        let selected = std::sync::Arc::clone(&stream);
        let select = thread::spawn(move || select::wait_any([select::readable(&*selected)]).1);
        thread::sleep(Duration::from_millis(20));
        let read = std::sync::Arc::clone(&stream);
        let read = thread::spawn(move || (&*read).read(&mut [0; 8]));
        thread::sleep(Duration::from_millis(20));
        peer.write_all(&[1, 2]).unwrap();
        assert_eq!(read.join().unwrap().unwrap(), 2);
        // Perhaps the read was faster.
        peer.write_all(&[3]).unwrap();
        select.join().unwrap().unwrap();
    }

    fn a_readable_descriptor_wins() {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let silence = channel::never::<()>();
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            writer.write_all(b"x").unwrap();
            writer
        });
        select! {
            recv(silence) -> _ => unreachable!(),
            wait(select::readable(&reader)) -> outcome => outcome.unwrap(),
        }
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
        drop(other.join().unwrap());
    }

    fn a_descriptor_that_loses_has_lost_no_byte() {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let (sender, receiver) = channel::rendezvous();
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            sender.send(1).unwrap();
        });
        let got = select! {
            wait(select::readable(&reader)) => Ok(0),
            recv(receiver) -> got => got,
        };
        assert_eq!(got, Ok(1));
        other.join().unwrap();
        writer.write_all(b"y").unwrap();
        let is_ready = select! {
            wait(select::readable(&reader)) -> outcome => outcome.is_ok(),
            default => false,
        };
        assert!(is_ready);
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
    }

    fn a_descriptor_can_be_waited_for_again_and_again() {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let (asks, asked) = channel::rendezvous();
        let other = thread::spawn(move || {
            for _ in asked.iter() {
                writer.write_all(b"z").unwrap();
            }
        });
        let silence = channel::never::<()>();
        for _ in 0..50 {
            asks.send(()).unwrap();
            select! {
                wait(select::readable(&reader)) -> outcome => outcome.unwrap(),
                recv(silence) -> _ => unreachable!(),
            }
            reader.read_exact(&mut [0]).unwrap();
        }
        drop(asks);
        other.join().unwrap();
    }

    fn two_waits_for_one_descriptor_are_legal() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let silence = channel::never::<()>();
        thread::scope(|scope| {
            let waiters = [0, 1].map(|_| {
                scope.spawn(|| select! {
                    wait(select::readable(&reader)) -> outcome => outcome.is_ok(),
                    recv(silence) -> _ => false,
                })
            });
            thread::sleep(Duration::from_millis(5));
            writer.write_all(b"!").unwrap();
            waiters.into_iter().for_each(|waiter| assert!(waiter.join().unwrap()));
        });
    }

    fn a_regular_file_is_always_ready() {
        let file = File::open("/proc/self/stat").unwrap();
        let (first, second) = (select::readable(&file), select::writable(&file));
        assert!(select::wait_any([&first, &second]).1.is_ok());
    }

    fn silence_of_a_descriptor_ends_at_the_deadline() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let wait = [select::readable(&reader)];
        assert!(select::wait_any_timeout(&wait, Duration::from_millis(3)).is_none());
    }
}
