//! What has been drawn: a history with a limit, and places in it.
//!
//! Lines have numbers, from 0 on and never twice. The history holds the latest; a `clear` takes the
//! place of all that was before. A reader says which number it wants next, and is given what there
//! is from there on, or, if that has been forgotten, a `clear` and all that is left. A condition
//! variable wakes those who are up to date.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use greenstd::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use serde_json::Value;

/// As many lines as a page draws at once without a pause that is felt.
const LINES_MAX: usize = 20_000;

/// What all lines together may take, as they are sent.
const BYTES_MAX: usize = 8 << 20;

/// What is sent at once.
const BATCH_BYTES: usize = 64 << 10;

const CLEAR: &str = r#"["clear"]"#;

const WIDTH: u64 = 1600;
const HEIGHT: u64 = 1000;
const PEN_MAX: u64 = 60;
const POINTS_MAX: usize = 256;

/// Shared by all clients.
#[derive(Default)]
pub struct Canvas {
    history: Mutex<History>,
    changed: Condvar,
}

#[derive(Default)]
struct History {
    lines: VecDeque<Arc<str>>,
    /// The number of the first one.
    first: u64,
    bytes: usize,
    drawers: usize,
    is_closed: bool,
}

/// How far a client has got.
#[derive(Default)]
pub struct Place {
    next: u64,
    drawers: usize,
}

/// What a client gets next.
pub enum News {
    /// A message.
    Batch(String),
    /// Nothing has happened for a while.
    Silence,
    /// The server stops.
    End,
}

/// One who draws, for as long as this lives.
pub struct Drawer<'c>(&'c Canvas);

impl Canvas {
    /// Counts one more who draws.
    pub fn enter(&self) -> Drawer<'_> {
        self.history().drawers += 1;
        self.changed.notify_all();
        Drawer(self)
    }

    /// Draws what a message says.
    ///
    /// # Errors
    ///
    /// What is wrong with the message, which has no effect then.
    pub fn draw(&self, message: &str) -> Result<(), &'static str> {
        let line: Value = serde_json::from_str(message).map_err(|_| "a message is JSON")?;
        check(&line)?;
        let mut history = self.history();
        // Written anew, so that nobody's spaces are kept.
        let text: Arc<str> = line.to_string().into();
        if &*text == CLEAR {
            let count = history.lines.len();
            history.forget(count);
        }
        history.bytes += text.len();
        history.lines.push_back(text);
        while history.lines.len() > LINES_MAX || history.bytes > BYTES_MAX {
            history.forget(1);
        }
        drop(history);
        self.changed.notify_all();
        Ok(())
    }

    /// Blocks until there is something for whoever is at `place`, but no longer than `patience`.
    pub fn next(&self, place: &mut Place, patience: Duration) -> News {
        let is_idle = |history: &mut History| {
            !history.is_closed && history.end() == place.next && history.drawers == place.drawers
        };
        let waited = self.changed.wait_timeout_while(self.history(), patience, is_idle);
        let (history, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if history.is_closed {
            return News::End;
        }
        let batch = history.since(place);
        if batch.is_empty() { News::Silence } else { News::Batch(format!("[{batch}]")) }
    }

    /// Tells all that there is nothing to come.
    pub fn close(&self) {
        self.history().is_closed = true;
        self.changed.notify_all();
    }

    /// Each change is a single step, so a poisoned lock has nothing half done behind it.
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl History {
    /// The number of the line to come.
    fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    fn forget(&mut self, count: usize) {
        self.bytes -= self.lines.drain(..count).map(|line| line.len()).sum::<usize>();
        self.first += count as u64;
    }

    /// What has happened since, as far as one message may hold it, as the elements of an array.
    fn since(&self, place: &mut Place) -> String {
        let mut batch = String::new();
        let mut add = |element: &str| {
            if !batch.is_empty() {
                batch.push(',');
            }
            batch.push_str(element);
            batch.len()
        };
        if place.drawers != self.drawers {
            place.drawers = self.drawers;
            add(&format!(r#"["drawers",{}]"#, self.drawers));
        }
        if place.next < self.first {
            place.next = self.first;
            if self.lines.front().is_none_or(|line| **line != *CLEAR) {
                add(CLEAR);
            }
        }
        let known = usize::try_from(place.next - self.first).expect("a place is in the history");
        for line in self.lines.iter().skip(known) {
            place.next += 1;
            if add(line) >= BATCH_BYTES {
                break;
            }
        }
        batch
    }
}

impl Drop for Drawer<'_> {
    fn drop(&mut self) {
        self.0.history().drawers -= 1;
        self.0.changed.notify_all();
    }
}

/// Nothing but what a page can draw goes to the others.
fn check(line: &Value) -> Result<(), &'static str> {
    let parts = line.as_array().ok_or("a message is an array")?;
    match parts.as_slice() {
        [Value::String(kind)] if kind == "clear" => Ok(()),
        [Value::String(kind), Value::String(colour), width, Value::Array(points)]
            if kind == "line" =>
        {
            let digits = colour.strip_prefix('#').ok_or("a colour is #rrggbb")?;
            if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err("a colour is #rrggbb");
            }
            if !width.as_u64().is_some_and(|width| (1..=PEN_MAX).contains(&width)) {
                return Err("a width is from 1 to 60");
            }
            let is_count = points.len().is_multiple_of(2) && !points.is_empty();
            if !is_count || points.len() > 2 * POINTS_MAX {
                return Err("a line has from 1 to 256 points");
            }
            let fits = |value: &Value, most| value.as_u64().is_some_and(|value| value <= most);
            let mut points = points.chunks_exact(2);
            match points.all(|point| fits(&point[0], WIDTH) && fits(&point[1], HEIGHT)) {
                true => Ok(()),
                false => Err("a point is in a canvas of 1600 by 1000"),
            }
        }
        _ => Err("a message is a line or a clear"),
    }
}
