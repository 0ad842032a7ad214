//! A copy in both directions between two sockets, by the calling thread alone.
//!
//! It steps both directions until neither can go on, and then waits for whatever they are blocked
//! on, all at once. So an idle pair costs one green thread, and its descriptors are registered with
//! one worker.

use std::io::{self, ErrorKind};
use std::time::Instant;

use greenstd_runtime::fd::{self, Fd, Interest};
use greenstd_runtime::park::spend_budget;
use greenstd_runtime::time;

use super::bidirectional::{Clock, CopyBidirectional};
use super::direction::{Direction, Step};
use super::duplex::Endpoint;
use crate::socket::SEND_PAUSE_AT_MOST;
use crate::socket::pauses::Pauses;

/// Copies until both directions have ended.
pub(super) fn relay(
    a: Endpoint<'_>,
    b: Endpoint<'_>,
    settings: &CopyBidirectional,
) -> io::Result<(u64, u64)> {
    let counters = settings.counters();
    let [limit_of_a, limit_of_b] = settings.limits;
    let splices = settings.splices;
    let mut directions = [
        Direction::new(a, b, limit_of_a, &counters.a_to_b, splices),
        Direction::new(b, a, limit_of_b, &counters.b_to_a, splices),
    ];
    let mut patience = Patience::new(settings);
    loop {
        // Here nothing is borrowed from the worker.
        spend_budget();
        let [forth, back] = &mut directions;
        let steps = [forth.step()?, back.step()?];
        patience.note(steps);
        if steps == [Step::Done; 2] {
            return Ok((forth.moved(), back.moved()));
        }
        if !steps.contains(&Step::Moved) {
            patience.wait(&directions, steps)?;
        }
    }
}

/// How long may be waited.
struct Patience {
    clock: Clock,
    /// When each direction began to be blocked on what, and until when its socket's own timeout
    /// lets it.
    blocked: [Option<(Interest, Option<Instant>)>; 2],
    /// The deadline of the last wait has passed. Everything was tried once more since, because a
    /// worker that is late finds the deadline passed before it hears of what came in time.
    is_late: bool,
    /// For sinks that do not always tell when they can be written to.
    pauses: Pauses,
}

impl Patience {
    fn new(settings: &CopyBidirectional) -> Patience {
        let pauses = Pauses::new(SEND_PAUSE_AT_MOST, None);
        Patience { clock: Clock::new(settings), blocked: [None; 2], is_late: false, pauses }
    }

    fn note(&mut self, steps: [Step; 2]) {
        for (step, blocked) in steps.into_iter().zip(&mut self.blocked) {
            match step {
                Step::Blocked(interest)
                    if blocked.is_some_and(|(for_what, _)| for_what == interest) => {}
                _ => *blocked = None,
            }
        }
        if steps.contains(&Step::Moved) {
            self.clock.note_activity();
            self.is_late = false;
            self.pauses = Pauses::new(SEND_PAUSE_AT_MOST, None);
        }
        if steps.contains(&Step::Done) {
            self.clock.note_first_end();
        }
    }

    /// Waits until one of the directions can probably go on.
    fn wait(&mut self, directions: &[Direction<'_>; 2], steps: [Step; 2]) -> io::Result<()> {
        let mut waits: [Option<(&Fd, Interest)>; 2] = [None; 2];
        let mut deadline = self.clock.deadline();
        for (index, step) in steps.into_iter().enumerate() {
            let Step::Blocked(interest) = step else { continue };
            let socket = directions[index].awaited(interest);
            let mode = socket.mode();
            if mode.is_nonblocking() {
                return Err(ErrorKind::WouldBlock.into());
            }
            let begin = || (interest, mode.deadline(interest));
            let (_, own_deadline) = *self.blocked[index].get_or_insert_with(begin);
            if self.is_late && own_deadline.is_some_and(|deadline| deadline <= time::now()) {
                // The socket's timeout, as a read or a write would tell it.
                return Err(io::Error::from_raw_os_error(libc::EAGAIN));
            }
            deadline = [deadline, own_deadline].into_iter().flatten().min();
            if !directions[index].is_told_of(interest) {
                deadline = deadline.into_iter().chain([self.pauses.end()]).min();
                self.pauses.go_on();
            }
            waits[index] = Some((socket.fd(), interest));
        }
        if self.is_late {
            self.clock.check()?;
        }
        let is_ready = match waits {
            [Some(forth), Some(back)] => fd::wait_for_any(&[forth, back], deadline)?,
            [Some(only), None] | [None, Some(only)] => fd::wait_for_any(&[only], deadline)?,
            [None, None] => unreachable!("a direction that neither moves nor is blocked is done"),
        };
        self.is_late = !is_ready;
        Ok(())
    }
}
