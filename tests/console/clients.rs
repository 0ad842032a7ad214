//! Clients of every kind, well-behaved or not.

use crate::flavour::Watchdog;
use crate::scene::{Client, Scene};
use greenstd::diag::{CLIENTS_MAX, LINE_MAX_BYTES};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[test]
fn commands_may_come_in_pieces_and_together() {
    let _watchdog = Watchdog::new();
    let scene = Scene::new();
    let mut client = scene.client();
    for byte in b"help\r" {
        client.send(&[*byte]);
        std::thread::sleep(Duration::from_millis(1));
    }
    client.send(b"\nnothing\n\n\nps\n");
    assert!(client.answer().unwrap().len() > 10);
    assert!(client.answer().unwrap()[0].starts_with("error: unknown command 'nothing'"));
    assert!(client.answer().unwrap()[0].contains("green threads"));
}

#[test]
fn a_client_that_has_said_all_gets_all_and_is_closed() {
    let _watchdog = Watchdog::new();
    let scene = Scene::new();
    let mut client = scene.client();
    // The last line lacks its end.
    client.send(b"help\nps");
    client.stream().shutdown(Shutdown::Write).unwrap();
    assert!(client.answer().unwrap().len() > 10);
    assert!(client.answer().unwrap()[0].contains("green threads"));
    assert_eq!(client.answer(), None);
}

#[test]
fn quit_closes_the_connection() {
    let _watchdog = Watchdog::new();
    let scene = Scene::new();
    let mut client = scene.client();
    client.send(b"quit\nps\n");
    let mut rest = Vec::new();
    // What comes after it is not answered, and resets the connection as it may.
    let _ = client.stream().read_to_end(&mut rest);
    assert_eq!(rest, b"");
}

#[test]
fn malformed_commands_get_an_error_and_the_next_one_an_answer() {
    let _watchdog = Watchdog::new();
    let scene = Scene::new();
    let mut client = scene.client();
    let malformed: [&[u8]; 9] = [
        b"bt\n",
        b"bt x\n",
        b"kill -1\n",
        b"trace 1 maybe\n",
        b"ps all\n",
        b"GET / HTTP/1.1\n",
        b"\xff\xfe\n",
        b"\0\0\n",
        b"json\n",
    ];
    for command in malformed {
        client.send(command);
        let answer = client.answer().unwrap();
        assert!(answer.len() == 1 && answer[0].starts_with("error: "), "{answer:?}");
        assert!(!answer[0].contains(|c: char| c.is_control()), "{answer:?}");
    }
    assert!(client.ask("help").len() > 10);
}

#[test]
fn a_line_that_is_too_long_ends_the_connection_with_an_error() {
    let _watchdog = Watchdog::new();
    let scene = Scene::new();
    let mut longest = vec![b' '; LINE_MAX_BYTES - 2];
    longest.extend(b"ps\n");
    let mut client = scene.client();
    client.send(&longest);
    assert!(client.answer().unwrap()[0].contains("green threads"));
    for line in [vec![b'x'; LINE_MAX_BYTES + 1], vec![b'x'; 100 * LINE_MAX_BYTES]] {
        let mut client = scene.client();
        // It may be closed before all has gone.
        let _ = client.stream().write_all(&line);
        assert_eq!(client.answer().unwrap().len(), 1);
    }
}

#[test]
fn clients_beyond_the_limit_are_told_so_and_those_inside_go_on() {
    let _watchdog = Watchdog::new();
    let scene = Scene::new();
    let mut inside: Vec<Client> = (0..CLIENTS_MAX).map(|_| scene.client()).collect();
    // So that all were taken in.
    inside.iter_mut().for_each(|client| assert!(client.ask("help").len() > 10));
    for _ in 0..10 {
        let mut beyond = scene.client();
        let told = beyond.answer().unwrap();
        assert!(told[0].starts_with("error: there are") && beyond.answer().is_none(), "{told:?}");
    }
    inside.iter_mut().for_each(|client| assert!(client.ask("help").len() > 10));
    drop(inside.pop());
    // Its place is free as soon as the console has seen that it is gone.
    let start = std::time::Instant::now();
    loop {
        let mut next = scene.client();
        next.send(b"help\n");
        if next.answer().unwrap().len() > 10 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody() {
    let _watchdog = Watchdog::new();
    let scene = Scene::new();
    let deaf = UnixStream::connect(scene.path()).unwrap();
    deaf.set_nonblocking(true).unwrap();
    // Until neither side takes any more.
    while (&deaf).write_all(b"help\n").is_ok() {}
    let mut client = scene.client();
    assert!(client.ask("help").len() > 10);
    drop(deaf);
    assert!(client.ask("help").len() > 10);
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let _watchdog = Watchdog::new();
    let scene = Scene::new();
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    scene.client().ask("help");
    for _ in 0..100 {
        let mut client = scene.client();
        client.send(b"ps\nps\nbt 1");
    }
    let mut client = scene.client();
    client.ask("ps");
    let start = std::time::Instant::now();
    // Other tests have descriptors, too: 100 clients would show.
    while open() > 90 {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", open());
        client.ask("help");
    }
}
