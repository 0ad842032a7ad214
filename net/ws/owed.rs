//! What a reader has to say, and what senders have left behind: for whoever has the turn to write.
//!
//! # Orderings
//!
//! Whoever owes sets a flag and then tries to get the turn; whoever gives the turn back looks at
//! the flags afterwards. A fence between the two steps of each, so at least one of both sees the
//! other: nothing that is owed is forgotten.

use std::sync::atomic::{AtomicBool, Ordering, fence};

use parking_lot::Mutex;
use tungstenite::Bytes;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::Control;

use super::outbound::Outbound;

#[derive(Default)]
pub(super) struct Owed {
    has_frames: AtomicBool,
    /// Bytes are in [`Outbound`]. Changed only by who has the turn.
    has_bytes: AtomicBool,
    /// Locked for a few instructions and never across a wait, so it may block a worker.
    frames: Mutex<Frames>,
}

#[derive(Default)]
struct Frames {
    /// Only the latest ping needs an answer: RFC 6455, 5.5.3.
    pong: Option<Bytes>,
    close: Option<Option<CloseFrame>>,
}

impl Owed {
    pub(super) fn pong(&self, payload: Bytes) {
        let mut frames = self.frames.lock();
        frames.pong = Some(payload);
        self.has_frames.store(true, Ordering::Relaxed);
        drop(frames);
        fence(Ordering::SeqCst);
    }

    pub(super) fn close(&self, frame: Option<CloseFrame>) {
        let mut frames = self.frames.lock();
        frames.close.get_or_insert(frame);
        self.has_frames.store(true, Ordering::Relaxed);
        drop(frames);
        fence(Ordering::SeqCst);
    }

    /// Tells whether there are bytes in [`Outbound`]; by who has the turn.
    pub(super) fn set_has_bytes(&self, has_bytes: bool) {
        self.has_bytes.store(has_bytes, Ordering::Relaxed);
    }

    /// By who had the turn, after he has given it back.
    pub(super) fn is_any_after_turn(&self) -> bool {
        fence(Ordering::SeqCst);
        self.is_any()
    }

    pub(super) fn is_any(&self) -> bool {
        self.has_frames.load(Ordering::Relaxed) || self.has_bytes.load(Ordering::Relaxed)
    }

    /// Has `outbound` take over what is owed. False if nothing was.
    pub(super) fn settle(&self, outbound: &mut Outbound) -> bool {
        if !self.has_frames.load(Ordering::Relaxed) {
            return false;
        }
        let mut frames = self.frames.lock();
        self.has_frames.store(false, Ordering::Relaxed);
        if let Some(payload) = frames.pong.take() {
            outbound.add_control(Control::Pong, &payload);
        }
        if let Some(frame) = frames.close.take() {
            outbound.add_close(frame);
        }
        true
    }
}
