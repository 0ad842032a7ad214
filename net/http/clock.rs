//! How long a connection may wait for its peer to send something.
//!
//! | state | how long | counted from |
//! |---|---|---|
//! | idle: no request under way, none begun | the idle timeout | the end of the last |
//! | a head has begun | the head timeout | its first byte |
//! | a request is being served | for ever: its body has a timeout of its own | |
//!
//! The first head has begun when the connection was accepted. A connection of HTTP/2 is idle while
//! it has no stream, and any frame counts as a sign of life. Its streams end on other threads, so
//! the connection learns of the last one's end with the next frame, at the latest with the answer
//! to a ping.

use greenstd_runtime::time;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::Link;

pub(super) struct Clock {
    link: Arc<Link>,
    state: State,
    /// The requests that had begun when `state` was right.
    begun: usize,
    deadline: Option<Instant>,
    /// A head has begun, and how long it may take is to be counted from now on: most are complete
    /// before anybody asks, and the clock need not be read for them.
    is_head_uncounted: bool,
    is_http2: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Idle,
    Head,
    Request,
}

impl Clock {
    pub(super) fn new(link: Arc<Link>) -> Clock {
        let deadline = after(link.settings().head_timeout);
        Clock {
            link,
            state: State::Head,
            begun: 0,
            deadline,
            is_head_uncounted: false,
            is_http2: false,
        }
    }

    /// Goes by the rules of HTTP/2 from now on.
    pub(super) fn is_http2(&mut self) {
        self.is_http2 = true;
        self.state = State::Idle;
        self.deadline = after(self.link.settings().idle_timeout);
    }

    /// Whether a request has begun to arrive, and is not complete.
    pub(super) fn is_in_head(&self) -> bool {
        self.state == State::Head && self.begun == self.link.begun()
    }

    /// Until when may be waited now.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        let begun = self.link.begun();
        let state = match self.state {
            _ if self.link.is_active() => State::Request,
            State::Head if begun == self.begun => State::Head,
            _ => State::Idle,
        };
        if state != self.state || begun != self.begun {
            self.state = state;
            self.deadline = match state {
                State::Request => None,
                State::Idle => after(self.link.settings().idle_timeout),
                State::Head => self.deadline,
            };
        }
        self.begun = begun;
        if std::mem::take(&mut self.is_head_uncounted) && self.state == State::Head {
            self.deadline = after(self.link.settings().head_timeout);
        }
        self.deadline
    }

    /// Something has come.
    pub(super) fn note_read(&mut self) {
        // As it was until now.
        self.deadline();
        if self.is_http2 {
            if self.state != State::Request {
                self.state = State::Idle;
                self.deadline = after(self.link.settings().idle_timeout);
            }
        } else if self.state == State::Idle {
            self.state = State::Head;
            self.is_head_uncounted = true;
        }
    }
}

pub(super) fn after(timeout: Option<Duration>) -> Option<Instant> {
    time::now().checked_add(timeout?)
}
