//! The loop of a console: one OS thread, which waits for all its clients at once.

use super::client::{Client, Interest};
use super::socket::Socket;
use super::{CLIENTS_MAX, ask};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

/// How long the system is left alone that has refused to accept: it has no descriptors left.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Refused clients that are told so at once; further ones wait.
const REFUSED_MAX: usize = 4;

/// Serves until `stop` is readable.
pub(super) fn serve(socket: &Socket, stop: &OwnedFd) {
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let accepts = clients.len() < CLIENTS_MAX + REFUSED_MAX;
        let mut waits = vec![PollFd::new(stop, PollFlags::IN)];
        for client in &clients {
            let flags = match client.interest() {
                Interest::Write => PollFlags::OUT,
                Interest::Read | Interest::Gone => PollFlags::IN,
            };
            waits.push(PollFd::from_borrowed_fd(client.descriptor(), flags));
        }
        if accepts {
            waits.push(PollFd::new(&socket.listener, PollFlags::IN));
        }
        match poll(&mut waits, None) {
            Ok(_) | Err(Errno::INTR) => {}
            // Nothing that could be mended here: there is no memory, or a limit on descriptors.
            Err(_) => thread::sleep(RETRY_AFTER),
        }
        if waits[0].revents().contains(PollFlags::IN) {
            return;
        }
        let ready: Vec<bool> = waits[1..].iter().map(|wait| !wait.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        clients.retain_mut(|client| {
            let is_ready = ready.next().unwrap_or(false);
            let is_alive = !is_ready || client.go_on(respond).is_ok();
            is_alive && client.interest() != Interest::Gone
        });
        if accepts && ready.next() == Some(true) {
            welcome(socket, &mut clients);
        }
    }
}

/// Takes a new client in, or refuses it.
fn welcome(socket: &Socket, clients: &mut Vec<Client>) {
    match socket.accept() {
        Ok(stream) if clients.len() < CLIENTS_MAX => clients.push(Client::new(stream)),
        Ok(stream) => {
            let why = format!("there are {CLIENTS_MAX} clients already");
            clients.push(Client::refused(stream, &why));
        }
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::Interrupted
            | io::ErrorKind::PermissionDenied => {}
            _ => thread::sleep(RETRY_AFTER),
        },
    }
}

fn respond(line: &str, client: &mut Client) {
    match line {
        "" => {}
        "quit" => client.leave(),
        // The `Debug` of a local is user code, which may panic.
        line => match panic::catch_unwind(AssertUnwindSafe(|| ask(line))) {
            Ok(Ok(answer)) => client.say(&answer),
            Ok(Err(error)) => client.fail(&error.to_string()),
            Err(_) => client.fail("the answer has panicked"),
        },
    }
}
