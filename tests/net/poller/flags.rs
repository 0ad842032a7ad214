//! Each event, of descriptors of each kind, by `poll` and by `Poller`, with and without a wait.

use super::fixture::{LONG, SOON, drain, eventfd, fill, tcp_pair, terminal, timerfd};
use greenstd::poller::{Event, Events, PollFd, PollFlags, PollMode, Poller, poll};
use greenstd::thread;
use std::any::Any;
use std::io::{Read, Write, pipe};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};

/// Something that happens to a descriptor, and whatever must stay open for it.
type Happens = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

fn happens<T: Any + Send>(what: impl FnOnce() -> T + Send + 'static) -> Happens {
    Box::new(move || Box::new(what()))
}

/// Asks for `events`, of which nothing is there before `what` happens and `expected` after it.
fn told(fd: &impl AsFd, events: PollFlags, what: Happens, expected: PollFlags) {
    let mut fds = [PollFd::new(fd, events)];
    assert_eq!(poll(&mut fds, Some(SOON)).unwrap(), 0, "{fds:?}");
    let poller = Poller::new().unwrap();
    let mut asked = Event::new(1, events.contains(PollFlags::IN), events.contains(PollFlags::OUT));
    if events.contains(PollFlags::PRI) {
        asked = asked.with_priority();
    }
    poller.add_with_mode(fd, asked, PollMode::Level).unwrap();
    let cause = thread::spawn(move || {
        thread::sleep(SOON);
        what()
    });
    assert_eq!(poll(&mut fds, Some(LONG)).unwrap(), 1);
    assert_eq!(fds[0].revents(), expected);
    let _alive = cause.join().unwrap();
    // By then all of it has happened: at once, and through the set.
    assert_eq!(poll(&mut fds, None).unwrap(), 1);
    assert_eq!(fds[0].revents(), expected);
    let mut events = Events::new();
    assert_eq!(poller.wait(&mut events, Some(LONG)).unwrap(), 1);
    let event = events.iter().next().unwrap();
    let is = |flags| expected.intersects(flags);
    let ended = PollFlags::HUP | PollFlags::ERR;
    assert_eq!(event.key, 1);
    assert_eq!(event.readable, is(PollFlags::IN | PollFlags::RDHUP | ended), "{event:?}");
    assert_eq!(event.writable, is(PollFlags::OUT | ended), "{event:?}");
    assert_eq!(event.is_priority(), is(PollFlags::PRI), "{event:?}");
    assert_eq!(event.is_hangup(), is(PollFlags::HUP), "{event:?}");
    assert_eq!(event.is_error(), is(PollFlags::ERR), "{event:?}");
    if is(PollFlags::RDHUP) {
        assert!(event.is_read_hangup(), "{event:?}");
    }
}

laws! {
    fn bytes_are_in() {
        let (reader, mut writer) = pipe().unwrap();
        told(&reader, PollFlags::IN, happens(move || { writer.write_all(b"x").unwrap(); writer }),
            PollFlags::IN);
        let (one, other) = tcp_pair();
        told(&one, PollFlags::IN, happens(move || { (&other).write_all(b"x").unwrap(); other }),
            PollFlags::IN);
        let (one, other) = UnixDatagram::pair().unwrap();
        told(&one, PollFlags::IN, happens(move || { other.send(b"x").unwrap(); other }),
            PollFlags::IN);
    }

    fn room_is_out() {
        let (reader, writer) = pipe().unwrap();
        fill(&writer);
        told(&writer, PollFlags::OUT, happens(move || { drain(&reader); reader }), PollFlags::OUT);
        let (one, other) = UnixStream::pair().unwrap();
        fill(&one);
        told(&one, PollFlags::OUT | PollFlags::IN, happens(move || { drain(&other); other }),
            PollFlags::OUT);
    }

    fn a_pipe_that_has_lost_its_writers_is_hup() {
        let (reader, writer) = pipe().unwrap();
        told(&reader, PollFlags::IN, happens(move || drop(writer)), PollFlags::HUP);
        // Unasked.
        let (reader, writer) = pipe().unwrap();
        told(&reader, PollFlags::empty(), happens(move || drop(writer)), PollFlags::HUP);
        let (reader, mut writer) = pipe().unwrap();
        let farewell = happens(move || writer.write_all(b"x").unwrap());
        told(&reader, PollFlags::empty(), farewell, PollFlags::HUP);
        assert_eq!((&reader).read(&mut [0; 9]).unwrap(), 1);
    }

    fn a_pipe_that_has_lost_its_reader_is_err() {
        let (reader, writer) = pipe().unwrap();
        fill(&writer);
        told(&writer, PollFlags::empty(), happens(move || drop(reader)), PollFlags::ERR);
    }

    fn a_half_that_is_shut_down_is_rdhup() {
        let (one, other) = UnixStream::pair().unwrap();
        let shut = happens(move || { other.shutdown(Shutdown::Write).unwrap(); other });
        told(&one, PollFlags::IN | PollFlags::RDHUP, shut, PollFlags::IN | PollFlags::RDHUP);
        let (one, other) = tcp_pair();
        let shut = happens(move || { other.shutdown(Shutdown::Write).unwrap(); other });
        told(&one, PollFlags::IN | PollFlags::RDHUP, shut, PollFlags::IN | PollFlags::RDHUP);
    }

    fn data_does_not_end_a_wait_for_the_end() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let peer = thread::spawn(move || {
            for _ in 0..20 {
                other.write_all(b"data").unwrap();
                thread::yield_now();
            }
            thread::sleep(SOON);
            other.shutdown(Shutdown::Write).unwrap();
            other
        });
        let mut fds = [PollFd::new(&one, PollFlags::RDHUP)];
        assert_eq!(poll(&mut fds, None).unwrap(), 1);
        assert_eq!(fds[0].revents(), PollFlags::RDHUP);
        drop(peer.join().unwrap());
    }

    fn a_connection_of_which_both_halves_are_gone_is_hup() {
        let (one, other) = UnixStream::pair().unwrap();
        let all = PollFlags::IN | PollFlags::RDHUP | PollFlags::HUP;
        told(&one, PollFlags::IN | PollFlags::RDHUP, happens(move || drop(other)), all);
    }

    fn a_reset_is_err() {
        let (one, other) = tcp_pair();
        let reset = happens(move || {
            socket2::SockRef::from(&other).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        });
        let all = PollFlags::IN | PollFlags::RDHUP | PollFlags::ERR | PollFlags::HUP;
        told(&one, PollFlags::IN | PollFlags::RDHUP, reset, all);
    }

    fn urgent_data_is_pri() {
        let (one, other) = tcp_pair();
        let urgent = happens(move || {
            assert_eq!(socket2::SockRef::from(&other).send_out_of_band(b"!").unwrap(), 1);
            other
        });
        told(&one, PollFlags::PRI, urgent, PollFlags::PRI);
    }

    fn eventfds_and_timers_are_in() {
        let event = eventfd(0);
        let mut sender = event.try_clone().unwrap();
        let count = happens(move || sender.write_all(&1_u64.to_ne_bytes()).unwrap());
        told(&event, PollFlags::IN, count, PollFlags::IN);
        let mut fds = [PollFd::new(&event, PollFlags::IN | PollFlags::OUT)];
        assert_eq!(poll(&mut fds, None).unwrap(), 1);
        assert_eq!(fds[0].revents(), PollFlags::IN | PollFlags::OUT);
        let timer = timerfd(3 * SOON);
        let mut fds = [PollFd::new(&timer, PollFlags::IN)];
        assert_eq!(poll(&mut fds, None).unwrap(), 1);
        assert_eq!(fds[0].revents(), PollFlags::IN);
    }

    fn a_terminal_is_in_and_hup() {
        let (mut driver, program) = terminal();
        let mut keeper = driver.try_clone().unwrap();
        told(&program, PollFlags::IN, happens(move || { driver.write_all(b"x").unwrap(); driver }),
            PollFlags::IN);
        keeper.write_all(b"y").unwrap();
        let mut bytes = [0; 2];
        (&program).read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"xy");
        let hang_up = thread::spawn(move || drop(keeper));
        let mut fds = [PollFd::new(&program, PollFlags::empty())];
        assert_eq!(poll(&mut fds, None).unwrap(), 1);
        assert!(fds[0].revents().contains(PollFlags::HUP), "{fds:?}");
        hang_up.join().unwrap();
    }

    fn a_connect_is_out() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&listener.local_addr().unwrap().into());
        let socket = OwnedFd::from(socket);
        let mut fds =
            [PollFd::new(&socket, PollFlags::OUT), PollFd::new(&listener, PollFlags::IN)];
        while poll(&mut fds, Some(LONG)).unwrap() < 2 {}
        assert_eq!(fds.map(|fd| fd.revents()), [PollFlags::OUT, PollFlags::IN]);
    }
}
