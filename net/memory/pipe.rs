//! One direction of a connection: bytes that were written and are not read yet.
//!
//! It is told the time with each call and never waits, so its tests need no clock. Bytes lie in one
//! queue from the write to the read; those at its front have *arrived*, the others are on their
//! way, in packets that know when they arrive.
//!
//! # Invariants
//!
//! 1. `arrived` and the packets add up to the bytes; packets arrive in their order.
//! 2. There are no more bytes than the link's capacity.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::time::{Duration, Instant};

use super::duplex::Link;
use crate::socket::sys::MAX_BUFFERS;

/// What a link with a bandwidth passes on in one piece: what fits into an Ethernet frame.
const PACKET: usize = 1460;

/// Longer than any program runs, for times that no clock can hold.
const AGES: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What has come of a call.
pub(super) enum Attempt<T> {
    Done(T),
    /// It has to wait: for a change, or until then if there is a time at which there is one.
    Wait(Option<Instant>),
}

pub(super) struct Pipe {
    link: Link,
    bytes: VecDeque<u8>,
    arrived: usize,
    packets: VecDeque<Packet>,
    /// When the link has sent all that was written.
    free_at: Option<Instant>,
    /// Nothing is written any more; from then on the reader may know.
    end: Option<Instant>,
    /// The writer has left without reading what was sent to it.
    ends_in_reset: bool,
    is_stalled: bool,
    read: u64,
    reads: Option<Draws>,
    writes: Option<Draws>,
}

struct Packet {
    bytes: usize,
    at: Instant,
}

impl Pipe {
    /// One of several that are alike, each with draws of its own.
    pub(super) fn new(link: &Link, number: u64) -> Pipe {
        let draws = |kind| link.short_counts.map(|seed| Draws::new(seed, 2 * number + kind));
        Pipe {
            link: link.clone(),
            bytes: VecDeque::new(),
            arrived: 0,
            packets: VecDeque::new(),
            free_at: None,
            end: None,
            ends_in_reset: false,
            is_stalled: false,
            read: 0,
            reads: draws(0),
            writes: draws(1),
        }
    }

    /// Moves what has arrived into the buffers, and takes it off the queue unless it is a peek.
    pub(super) fn read(
        &mut self,
        now: Instant,
        buffers: &mut [IoSliceMut<'_>],
        is_peek: bool,
    ) -> Attempt<io::Result<usize>> {
        self.arrive(now);
        if self.arrived == 0 {
            return self.read_nothing(now);
        }
        let wanted = total(buffers.iter().map(|buffer| buffer.len()));
        let left = self.link.reset_after.map_or(u64::MAX, |limit| limit - self.read);
        let count = wanted.min(self.arrived).min(usize::try_from(left).unwrap_or(usize::MAX));
        if is_peek {
            self.copy(buffers, count);
            return Attempt::Done(Ok(count));
        }
        let count = self.reads.as_mut().map_or(count, |draws| draws.up_to(count));
        self.copy(buffers, count);
        self.bytes.drain(..count);
        self.arrived -= count;
        self.read += count as u64;
        Attempt::Done(Ok(count))
    }

    /// Takes in as many bytes as there is room for.
    pub(super) fn write(
        &mut self,
        now: Instant,
        buffers: &[IoSlice<'_>],
    ) -> Attempt<io::Result<usize>> {
        if self.end.is_some() {
            return Attempt::Done(Err(io::Error::from_raw_os_error(libc::EPIPE)));
        }
        let wanted = total(buffers.iter().map(|buffer| buffer.len()));
        let room = self.link.capacity - self.bytes.len();
        let count = match wanted.min(room) {
            0 if wanted > 0 => return Attempt::Wait(None),
            0 => return Attempt::Done(Ok(0)),
            count => self.writes.as_mut().map_or(count, |draws| draws.up_to(count)),
        };
        let mut left = count;
        for buffer in buffers {
            let piece = &buffer[..buffer.len().min(left)];
            self.bytes.extend(piece);
            left -= piece.len();
        }
        self.send(now, count);
        Attempt::Done(Ok(count))
    }

    /// Nothing will be written any more: a further write fails, and the reader gets to know after
    /// all that is on its way.
    pub(super) fn end(&mut self, now: Instant) {
        let sent = self.free_at.map_or(now, |free_at| free_at.max(now));
        self.end.get_or_insert(later(sent, self.link.latency));
    }

    /// [`end`](Pipe::end) by a writer who will not read what was sent to it.
    pub(super) fn end_in_reset(&mut self, now: Instant) {
        self.end(now);
        self.ends_in_reset = true;
    }

    /// Nobody will read but what has arrived.
    pub(super) fn refuse(&mut self, now: Instant) {
        self.arrive(now);
        self.bytes.truncate(self.arrived);
        self.packets.clear();
        self.end = Some(self.end.map_or(now, |end| end.min(now)));
        self.is_stalled = false;
    }

    /// Forgets all bytes.
    pub(super) fn lose(&mut self) {
        self.bytes.clear();
        self.packets.clear();
        self.arrived = 0;
    }

    /// Keeps what has not arrived yet from arriving.
    pub(super) fn stall(&mut self, now: Instant) {
        self.arrive(now);
        self.is_stalled = true;
    }

    pub(super) fn resume(&mut self) {
        self.is_stalled = false;
    }

    /// Bytes that are on their way or not read yet.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether so many bytes have been read that the connection breaks down.
    pub(super) fn is_used_up(&self) -> bool {
        self.link.reset_after.is_some_and(|limit| self.read >= limit)
    }

    /// The answer to a read while nothing is there.
    fn read_nothing(&mut self, now: Instant) -> Attempt<io::Result<usize>> {
        let next = match (self.packets.front(), self.end) {
            _ if self.is_stalled => None,
            (Some(packet), _) => Some(packet.at),
            (None, Some(end)) if end <= now => {
                // Told once, as by the kernel; then the stream is at its end.
                return Attempt::Done(match std::mem::take(&mut self.ends_in_reset) {
                    true => Err(io::Error::from_raw_os_error(libc::ECONNRESET)),
                    false => Ok(0),
                });
            }
            (None, end) => end,
        };
        Attempt::Wait(next)
    }

    fn copy(&self, buffers: &mut [IoSliceMut<'_>], count: usize) {
        let (front, back) = self.bytes.as_slices();
        let mut at = 0;
        for buffer in buffers {
            let size = buffer.len().min(count - at);
            // The queue is a ring: a piece may begin in either part, and end in the second.
            let (before, after) =
                buffer[..size].split_at_mut(front.len().clamp(at, at + size) - at);
            before.copy_from_slice(&front[at.min(front.len())..][..before.len()]);
            let begin = (at + before.len()).saturating_sub(front.len());
            after.copy_from_slice(&back[begin..][..after.len()]);
            at += size;
        }
    }

    /// Sends the last `count` bytes on their way.
    fn send(&mut self, now: Instant, count: usize) {
        self.arrive(now);
        let is_at_once = self.link.latency.is_zero() && self.link.bytes_per_second.is_none();
        if is_at_once && self.packets.is_empty() && !self.is_stalled {
            self.arrived += count;
            return;
        }
        let Some(bytes_per_second) = self.link.bytes_per_second else {
            let at = later(now, self.link.latency);
            self.packets.push_back(Packet { bytes: count, at });
            return;
        };
        let mut sent = self.free_at.map_or(now, |free_at| free_at.max(now));
        let mut left = count;
        while left > 0 {
            let bytes = left.min(PACKET);
            let nanos = bytes as u128 * 1_000_000_000 / u128::from(bytes_per_second.get());
            sent = later(sent, Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
            self.packets.push_back(Packet { bytes, at: later(sent, self.link.latency) });
            left -= bytes;
        }
        self.free_at = Some(sent);
    }

    /// Lets arrive what is due.
    fn arrive(&mut self, now: Instant) {
        while !self.is_stalled
            && let Some(packet) = self.packets.pop_front_if(|packet| packet.at <= now)
        {
            self.arrived += packet.bytes;
        }
    }
}

/// The bytes that one call can move; a socket takes as many buffers of the list.
pub(super) fn total(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.take(MAX_BUFFERS).fold(0, usize::saturating_add)
}

fn later(time: Instant, delay: Duration) -> Instant {
    time.checked_add(delay).unwrap_or(time + AGES)
}

/// Counts that are drawn from a seed: the splitmix generator of Steele, Lea and Flood.
struct Draws(u64);

impl Draws {
    /// The generator for one of several places that share a seed.
    fn new(seed: u64, place: u64) -> Draws {
        let mut draws = Draws(seed ^ place.wrapping_mul(0xd134_2543_de82_ef95));
        // So that seeds that are alike begin with draws that are not.
        draws.next();
        draws
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From one to `count`; zero for none.
    fn up_to(&mut self, count: usize) -> usize {
        if count == 0 { 0 } else { 1 + (self.next() % count as u64) as usize }
    }
}

#[cfg(test)]
mod tests;
