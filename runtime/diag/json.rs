//! A dump as JSON.
//!
//! ```text
//! {"taken_at": seconds since 1970, "took_ms": …,
//!  "runtimes": [{"number", "name", "workers": [{"index", "os_thread", "is_spare", "is_asleep",
//!                "is_stuck", "running": number or null, "runs_for_ms"}]}],
//!  "stacks": [[{"function", "file", "line"}]],
//!  "threads": [{"runtime", "number", "name", "state", "worker", "waits_for_ms", "time_left_ms",
//!               "site": {"file", "line"}, "parent", "is_killed", "has_own_thread_locals",
//!               "wait": {"kind", "call", "thread", "holder": {"number", "name"}, "arms", "count",
//!                        "descriptors": [{"fd", "interest", "local", "peer", "file"}]} or null,
//!               "stack": index into stacks or null, "locals": {"NAME": "value"}}]}
//! ```
//!
//! Equal stacks stand there once. Times are in milliseconds, with fractions. What does not apply is
//! null; fields are only ever added.

use super::dump::{Dump, RuntimeReport, WorkerReport};
use super::stack::{Frame, Stack};
use super::thread::{State, ThreadReport};
use super::wait::{Descriptor, Wait};
use crate::engine::Interest;
use std::collections::HashMap;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

/// Where equal stacks stand.
type Stacks = HashMap<*const Stack, usize>;

impl Dump {
    /// The dump as JSON, on one line.
    ///
    /// An object with `taken_at` (seconds since 1970), `took_ms`, `runtimes`, `stacks`, where equal
    /// ones stand once, and `threads`, whose fields are those of [`ThreadReport`]; times are in
    /// milliseconds.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (mut stacks, mut places) = (Vec::new(), Stacks::new());
        for stack in self.threads().iter().filter_map(ThreadReport::stack) {
            places.entry(std::ptr::from_ref(stack)).or_insert_with(|| {
                stacks.push(stack);
                stacks.len() - 1
            });
        }
        let since = self.taken_at().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut json = String::new();
        object(&mut json, |fields| {
            fields.number("taken_at", since.as_secs_f64());
            fields.time("took_ms", Some(self.took()));
            fields.list("runtimes", self.runtimes(), write_runtime);
            fields.list("stacks", stacks, |json, stack| {
                list(json, stack.frames(), write_frame);
            });
            let threads = self.threads();
            fields.list("threads", threads, |json, thread| write_thread(json, thread, &places));
        });
        json
    }
}

fn write_runtime(json: &mut String, runtime: &RuntimeReport) {
    object(json, |fields| {
        fields.number("number", runtime.number());
        fields.text("name", Some(runtime.name()));
        fields.list("workers", runtime.workers(), write_worker);
    });
}

fn write_worker(json: &mut String, worker: &WorkerReport) {
    object(json, |fields| {
        fields.number("index", worker.index());
        fields.number("os_thread", worker.os_thread());
        fields.number("is_spare", worker.is_spare());
        fields.number("is_asleep", worker.is_asleep());
        fields.number("is_stuck", worker.is_stuck());
        fields.optional("running", worker.running().map(|id| id.number()));
        fields.time("runs_for_ms", Some(worker.runs_for()));
    });
}

fn write_frame(json: &mut String, frame: &Frame) {
    object(json, |fields| {
        fields.text("function", Some(frame.function()));
        fields.text("file", frame.file().map(|file| file.to_string_lossy()).as_deref());
        fields.optional("line", frame.line());
    });
}

fn write_thread(json: &mut String, thread: &ThreadReport, stacks: &Stacks) {
    object(json, |fields| {
        fields.number("runtime", thread.runtime());
        fields.number("number", thread.number());
        fields.text("name", thread.name());
        fields.text("state", Some(thread.state().name()));
        let worker = match thread.state() {
            State::Running { worker } => Some(worker),
            _ => None,
        };
        fields.optional("worker", worker);
        fields.time("waits_for_ms", Some(thread.waits_for()));
        fields.time("time_left_ms", thread.time_left());
        object(fields.key("site"), |site| {
            site.text("file", Some(thread.site().file()));
            site.number("line", thread.site().line());
        });
        fields.optional("parent", thread.parent().map(|id| id.number()));
        fields.number("is_killed", thread.is_killed());
        fields.number("has_own_thread_locals", thread.has_own_thread_locals());
        match thread.wait() {
            Some(wait) => write_wait(fields.key("wait"), wait),
            None => fields.text("wait", None),
        }
        let stack = thread.stack().and_then(|stack| stacks.get(&std::ptr::from_ref(stack)));
        fields.optional("stack", stack);
        object(fields.key("locals"), |locals| {
            thread.locals().iter().for_each(|it| locals.text(it.name(), Some(it.value())));
        });
    });
}

fn write_wait(json: &mut String, wait: &Wait) {
    object(json, |fields| {
        fields.text("kind", Some(wait.kind()));
        fields.text("call", Some(wait.call()));
        if let Wait::Join { thread, .. } = wait {
            fields.optional("thread", thread.map(|id| id.number()));
        }
        if let Wait::Lock { holder: Some(holder), .. } = wait {
            object(fields.key("holder"), |fields| {
                fields.number("number", holder.number());
                fields.text("name", holder.name());
            });
        }
        if let Wait::Select { arms, count, .. } = wait {
            fields.list("arms", arms, |json, arm| write_text(json, arm));
            fields.number("count", count);
        }
        if !wait.descriptors().is_empty() {
            fields.list("descriptors", wait.descriptors(), write_descriptor);
        }
    });
}

fn write_descriptor(json: &mut String, descriptor: &Descriptor) {
    object(json, |fields| {
        fields.number("fd", descriptor.fd());
        let interest = match descriptor.interest() {
            Interest::Read => "read",
            Interest::Write => "write",
        };
        fields.text("interest", Some(interest));
        fields.text("local", descriptor.local());
        fields.text("peer", descriptor.peer());
        fields.text("file", descriptor.file());
    });
}

/// An object that is being written.
pub(super) struct Fields<'j> {
    json: &'j mut String,
    is_empty: bool,
}

pub(super) fn object(json: &mut String, write: impl FnOnce(&mut Fields<'_>)) {
    json.push('{');
    let mut fields = Fields { json, is_empty: true };
    write(&mut fields);
    json.push('}');
}

pub(super) fn list<T>(
    json: &mut String,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    json.push('[');
    for (number, item) in items.into_iter().enumerate() {
        if number > 0 {
            json.push(',');
        }
        write(json, item);
    }
    json.push(']');
}

impl Fields<'_> {
    /// Begins a field, whose value is to be written.
    pub(super) fn key(&mut self, key: &str) -> &mut String {
        if !self.is_empty {
            self.json.push(',');
        }
        self.is_empty = false;
        write_text(self.json, key);
        self.json.push(':');
        self.json
    }

    /// A number, or a truth value, whose text JSON shares.
    pub(super) fn number(&mut self, key: &str, value: impl std::fmt::Display) {
        let json = self.key(key);
        write!(json, "{value}").expect("a string takes everything");
    }

    pub(super) fn optional(&mut self, key: &str, value: Option<impl std::fmt::Display>) {
        match value {
            Some(value) => self.number(key, value),
            None => self.number(key, "null"),
        }
    }

    pub(super) fn time(&mut self, key: &str, value: Option<Duration>) {
        self.optional(key, value.map(|time| time.as_secs_f64() * 1000.0));
    }

    pub(super) fn text(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => write_text(self.key(key), value),
            None => self.number(key, "null"),
        }
    }

    pub(super) fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut String, T),
    ) {
        list(self.key(key), items, write);
    }
}

fn write_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            control if control < ' ' => {
                write!(json, "\\u{:04x}", u32::from(control)).expect("a string takes everything");
            }
            other => json.push(other),
        }
    }
    json.push('"');
}
