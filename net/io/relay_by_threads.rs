//! A copy in both directions between streams of any kind: a green thread for each direction.
//!
//! The caller watches over them. Whatever ends the copy early (an error, a deadline, a kill of the
//! caller) ends the others, since they are a nursery's.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

use greenstd_runtime::sync::Semaphore;
use greenstd_runtime::thread::{Builder, nursery};

use super::bidirectional::{Clock, CopyBidirectional};
use super::duplex::{Duplex, end_writes};

/// What a direction reads at once. Unlike between sockets it is held while nothing comes.
const BUFFER_BYTES: usize = 16 * 1024;

/// Copies until both directions have ended.
pub(super) fn relay<A, B>(a: &A, b: &B, settings: &CopyBidirectional) -> io::Result<(u64, u64)>
where
    A: Duplex + Sync + ?Sized,
    B: Duplex + Sync + ?Sized,
{
    let counters = settings.counters();
    let (clock, ended) = (Clock::new(settings), Semaphore::new(0));
    let moved = [AtomicU64::new(0), AtomicU64::new(0)];
    let [limit_of_a, limit_of_b] = settings.limits;
    let forth = Tally { limit: limit_of_a, shared: &counters.a_to_b, own: &moved[0] };
    let back = Tally { limit: limit_of_b, shared: &counters.b_to_a, own: &moved[1] };
    nursery(|nursery| {
        let (clock, ended) = (&clock, &ended);
        let name = |which| Builder::new().name(format!("copy_bidirectional {which}"));
        name("a to b").spawn_in(nursery, move || pump(a, b, &forth, clock, ended))?;
        name("b to a").spawn_in(nursery, move || pump(b, a, &back, clock, ended))?;
        watch(clock, ended)
    })?;
    // The nursery has joined both.
    Ok((moved[0].load(Ordering::Relaxed), moved[1].load(Ordering::Relaxed)))
}

/// Waits for both ends, or for a deadline.
fn watch(clock: &Clock, ended: &Semaphore) -> io::Result<()> {
    let mut left = 2;
    while left > 0 {
        let has_ended = match clock.deadline() {
            None => {
                ended.acquire();
                true
            }
            Some(deadline) => ended.acquire_until(deadline),
        };
        if has_ended {
            left -= 1;
            clock.note_first_end();
        } else {
            clock.check()?;
        }
    }
    Ok(())
}

/// What a direction may move, and where it counts.
struct Tally<'c> {
    limit: u64,
    shared: &'c AtomicU64,
    own: &'c AtomicU64,
}

/// Copies one direction to its end.
fn pump<S, T>(
    source: &S,
    sink: &T,
    tally: &Tally<'_>,
    clock: &Clock,
    ended: &Semaphore,
) -> io::Result<()>
where
    S: Duplex + ?Sized,
    T: Duplex + ?Sized,
{
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut left = tally.limit;
    loop {
        // A byte beyond the limit is what tells that there is more.
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).clamp(1, BUFFER_BYTES);
        let count = match source.read_from(&mut buffer[..wanted]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            outcome => outcome?,
        };
        if count == 0 {
            break;
        }
        if left == 0 {
            let message = "more bytes than the limit of this direction";
            return Err(io::Error::new(ErrorKind::QuotaExceeded, message));
        }
        left -= count as u64;
        clock.note_activity();
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            match sink.write_to(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = &rest[written..];
                    tally.count(written as u64);
                    clock.note_activity();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        sink.flush()?;
    }
    end_writes(sink)?;
    ended.release();
    Ok(())
}

impl Tally<'_> {
    fn count(&self, written: u64) {
        // Relaxed: the join of this thread is what makes the sum final.
        self.own.fetch_add(written, Ordering::Relaxed);
        self.shared.fetch_add(written, Ordering::Relaxed);
    }
}
