//! Terminals: a reader parks, also when another one was faster, and nobody sees a changed mode.

use crate::fixture::{SOON, let_wait, was_killed};
use greenstd::fs::{File, OpenOptions};
use greenstd::io::IsTerminal;
use greenstd::time;
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// The master of a new terminal, and the terminal.
fn terminal() -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let mut options = OpenOptions::new();
    let slave = options.read(true).write(true).custom_flags(libc::O_NOCTTY).open(path).unwrap();
    (File::from(master), slave)
}

fn line(mut terminal: &File) -> String {
    let mut buffer = [0; 100];
    let count = terminal.read(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

laws! {
    green
    fn a_reader_parks_until_there_is_a_line() {
        let (mut master, slave) = terminal();
        assert!(slave.is_terminal() && master.is_terminal());
        let slave = Arc::new(slave);
        let reader = {
            let slave = slave.clone();
            thread::spawn(move || [line(&slave), line(&slave)])
        };
        let_wait();
        master.write_all(b"one\ntw").unwrap();
        let_wait();
        assert!(!reader.is_finished());
        master.write_all(b"o\n").unwrap();
        assert_eq!(reader.join().unwrap(), ["one\n", "two\n"]);
        assert!(!fcntl_getfl(&*slave).unwrap().contains(OFlags::NONBLOCK));
        assert!(!fcntl_getfl(&master).unwrap().contains(OFlags::NONBLOCK));
    }

    fn the_slower_of_two_readers_waits_on() {
        let (mut master, slave) = terminal();
        let (slave, (tell, told)) = (Arc::new(slave), mpsc::channel());
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (slave, tell) = (slave.clone(), tell.clone());
                thread::spawn(move || tell.send(line(&slave)).unwrap())
            })
            .collect();
        let_wait();
        for text in ["one\n", "two\n"] {
            master.write_all(text.as_bytes()).unwrap();
            let deadline = std::time::Instant::now() + SOON;
            let heard = loop {
                // Sleeps in between, which it could not if a reader held its worker.
                thread::sleep(Duration::from_millis(1));
                match told.try_recv() {
                    Ok(heard) => break heard,
                    Err(_) => assert!(std::time::Instant::now() < deadline),
                }
            };
            assert_eq!(heard, text);
            assert!(told.try_recv().is_err());
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    }

    fn the_master_parks_too() {
        let (master, mut slave) = terminal();
        let reader = thread::spawn(move || (line(&master), master));
        let_wait();
        slave.write_all(b"prompt").unwrap();
        let (text, master) = reader.join().unwrap();
        assert_eq!(text, "prompt");
        drop(master);
        assert_eq!(slave.read(&mut [0]).unwrap(), 0, "it was hung up");
    }

    fn a_line_outlives_the_reader_that_was_killed() {
        let (mut master, slave) = terminal();
        let slave = Arc::new(slave);
        let reader = {
            let slave = slave.clone();
            thread::spawn(move || line(&slave))
        };
        let_wait();
        assert!(reader.kill_and_wait(SOON).unwrap());
        assert!(was_killed(reader));
        assert!(time::timeout(Duration::from_millis(5), || line(&slave)).is_err());
        master.write_all(b"kept\n").unwrap();
        assert_eq!(line(&slave), "kept\n");
    }

    fn a_writer_waits_while_nobody_reads() {
        let (mut master, mut slave) = terminal();
        let writer = thread::spawn(move || {
            slave.write_all(&[b'x'; 100_000]).unwrap();
            slave
        });
        let_wait();
        assert!(!writer.is_finished());
        let mut read = vec![0; 100_000];
        master.read_exact(&mut read).unwrap();
        assert!(read.iter().all(|&byte| byte == b'x'));
        drop(writer.join().unwrap());
    }
}
