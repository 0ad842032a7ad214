//! What a console says, as text and as JSON.

use super::command::{Command, CommandError, Question};
use super::figures;
use crate::diag::json::{Fields, list, object};
use crate::diag::{self, Dump, Frame, Group, Options, ThreadReport, Wait, WorkerReport};
use crate::thread::Thread;
use std::fmt::{Display, Write as _};
use std::time::UNIX_EPOCH;

/// Groups that `top` shows: a screen.
const TOP_GROUPS: usize = 20;

/// Each command with what it does.
const COMMANDS: [(&str, &str); 13] = [
    ("help", "this list"),
    ("ps", "every green thread on a line"),
    ("bt ID", "the native stack of one, and its green locals"),
    ("dump", "all green threads with their stacks, equal ones together"),
    ("top", "who holds the workers, and what most green threads do"),
    ("locks", "who waits for a lock, and who holds it"),
    ("fds", "who waits for which descriptor"),
    ("pool", "the blocking pools"),
    ("metrics", "the figures of the process"),
    ("trace ID on|off", "note down the waits of one green thread, or no longer"),
    ("trace ID", "its last waits that were noted down"),
    ("kill ID", "ask a green thread to end"),
    ("quit", "close the connection"),
];

/// Answers a command. Lines end by `\n`.
pub(super) fn answer(command: Command) -> Result<String, CommandError> {
    let Command { question, is_json } = command;
    let mut answer = match question {
        Question::Help if is_json => commands_as_json(),
        Question::Help => {
            lines(COMMANDS.iter().map(|(name, does)| format!("{name:16} {does}")))
                + "\n'json' behind a command has its answer as JSON, on one line"
        }
        Question::List => show(&diag::dump(), is_json),
        Question::Dump => show(&Options::new().stacks(true).dump(), is_json),
        Question::Backtrace(number) => backtrace(number, is_json)?,
        Question::Top => top(&diag::dump(), is_json),
        Question::Locks => waits(&diag::dump(), is_json, |wait| matches!(wait, Wait::Lock { .. })),
        Question::Descriptors => {
            waits(&diag::dump(), is_json, |wait| !wait.descriptors().is_empty())
        }
        Question::Pools => figures::pools(is_json),
        Question::Metrics => figures::metrics(is_json),
        Question::ShowTrace(number) => trace(number, is_json),
        Question::SetTrace(number, is_traced) => {
            if !diag::set_traced(number, is_traced) {
                return Err(CommandError::NoSuchThread(number));
            }
            done(number, if is_traced { "traced" } else { "untraced" }, is_json)
        }
        Question::Kill(number) => {
            let thread = find(number)?;
            thread.kill().map_err(|error| CommandError::Failed(error.to_string()))?;
            done(number, "killed", is_json)
        }
    };
    answer.push('\n');
    Ok(answer)
}

fn find(number: u64) -> Result<Thread, CommandError> {
    diag::find(number).ok_or(CommandError::NoSuchThread(number))
}

fn show(dump: &Dump, is_json: bool) -> String {
    if is_json { dump.to_json() } else { dump.to_string() }
}

fn lines(lines: impl IntoIterator<Item = impl Display>) -> String {
    let lines: Vec<String> = lines.into_iter().map(|line| line.to_string()).collect();
    lines.join("\n")
}

fn done(number: u64, what: &str, is_json: bool) -> String {
    if !is_json {
        return format!("{what} {number}");
    }
    let mut json = String::new();
    object(&mut json, |fields| fields.number(what, number));
    json
}

fn commands_as_json() -> String {
    let mut json = String::new();
    list(&mut json, COMMANDS, |json, (name, does)| {
        object(json, |fields| {
            fields.text("command", Some(name));
            fields.text("does", Some(does));
        });
    });
    json
}

fn backtrace(number: u64, is_json: bool) -> Result<String, CommandError> {
    let dump = Options::new().stacks(true).locals(true).dump();
    let thread = dump.threads().iter().find(|thread| thread.number() == number);
    let thread = thread.ok_or(CommandError::NoSuchThread(number))?;
    if !is_json {
        let stack = thread.stack().map_or_else(|| "    no stack".to_owned(), ToString::to_string);
        return Ok(format!("{thread}\n{stack}"));
    }
    let mut json = String::new();
    object(&mut json, |fields| {
        write_thread(fields, thread);
        let frames = thread.stack().map_or(&[][..], |stack| stack.frames());
        fields.list("frames", frames, |json, frame: &Frame| {
            object(json, |fields| {
                fields.text("function", Some(frame.function()));
                let file = frame.file().map(|file| file.display().to_string());
                fields.text("file", file.as_deref());
                fields.optional("line", frame.line());
            });
        });
    });
    Ok(json)
}

fn write_thread(fields: &mut Fields<'_>, thread: &ThreadReport) {
    fields.number("number", thread.number());
    fields.text("name", thread.name());
    fields.text("state", Some(thread.state().name()));
    fields.text("call", thread.wait().map(Wait::call));
    fields.time("waits_for_ms", Some(thread.waits_for()));
    fields.time("time_left_ms", thread.time_left());
    fields.text("site", Some(&thread.site().to_string()));
    fields.text("text", Some(&thread.to_string()));
}

/// Those in a wait of some kind.
fn waits(dump: &Dump, is_json: bool, is_meant: impl Fn(&Wait) -> bool) -> String {
    let waiting = dump.threads().iter().filter(|thread| thread.wait().is_some_and(&is_meant));
    if !is_json {
        let lines: Vec<String> = waiting.map(ToString::to_string).collect();
        return if lines.is_empty() { "nobody".into() } else { lines.join("\n") };
    }
    let mut json = String::new();
    list(&mut json, waiting, |json, thread| {
        object(json, |fields| {
            write_thread(fields, thread);
            let holder = match thread.wait() {
                Some(Wait::Lock { holder: Some(holder), .. }) => Some(holder),
                _ => None,
            };
            fields.optional("held_by", holder.map(|holder| holder.number()));
            let descriptors = thread.wait().map_or(&[][..], Wait::descriptors);
            fields.list("descriptors", descriptors, |json, descriptor| {
                object(json, |fields| {
                    fields.number("fd", descriptor.fd());
                    fields.text("text", Some(&descriptor.to_string()));
                });
            });
        });
    });
    json
}

/// Who is at the workers, the longest first; then the largest groups.
fn top(dump: &Dump, is_json: bool) -> String {
    let workers = || {
        let all = dump.runtimes().iter().flat_map(|runtime| {
            runtime.workers().iter().map(move |worker| (runtime.name(), worker))
        });
        let mut workers: Vec<(&str, &WorkerReport)> = all.collect();
        workers.sort_by_key(|(_, worker)| std::cmp::Reverse(worker.runs_for()));
        workers
    };
    let groups = dump.groups();
    if is_json {
        return top_as_json(dump, &workers(), &groups);
    }
    let mut text = figures::summary();
    for (runtime, worker) in workers() {
        write!(text, "\n{runtime}: {worker}").expect("a string takes everything");
    }
    for group in groups.iter().take(TOP_GROUPS) {
        let first = group.first();
        let doing = first.wait().map_or(first.state().name(), Wait::call);
        let (count, state, site) = (group.threads().len(), first.state().name(), first.site());
        write!(text, "\n{count:8} {state:9} {doing:32} spawned at {site}")
            .expect("a string takes everything");
    }
    if groups.len() > TOP_GROUPS {
        write!(text, "\n         and {} further groups", groups.len() - TOP_GROUPS)
            .expect("a string takes everything");
    }
    text
}

fn top_as_json(dump: &Dump, workers: &[(&str, &WorkerReport)], groups: &[Group<'_>]) -> String {
    let mut json = String::new();
    object(&mut json, |fields| {
        fields.number("live", dump.threads().len());
        fields.text("summary", Some(&figures::summary()));
        fields.list("workers", workers, |json, (runtime, worker)| {
            object(json, |fields| {
                fields.text("runtime", Some(runtime));
                fields.number("index", worker.index());
                let name = |id| dump.thread(id).and_then(ThreadReport::name);
                let number = |id| dump.thread(id).map(ThreadReport::number);
                fields.optional("running", worker.running().and_then(number));
                fields.text("name", worker.running().and_then(name));
                fields.time("runs_for_ms", Some(worker.runs_for()));
                fields.number("is_stuck", worker.is_stuck());
                fields.number("is_asleep", worker.is_asleep());
            });
        });
        fields.list("groups", groups.iter().take(TOP_GROUPS), |json, group| {
            let first = group.first();
            object(json, |fields| {
                fields.number("count", group.threads().len());
                fields.text("state", Some(first.state().name()));
                fields.text("call", first.wait().map(Wait::call));
                fields.text("site", Some(&first.site().to_string()));
            });
        });
    });
    json
}

fn trace(number: u64, is_json: bool) -> String {
    let notes = diag::trace(number);
    if !is_json {
        let note = |note: &diag::TraceNote| {
            let (reason, waited) = (note.reason.unwrap_or("yield or park"), note.waited);
            format!("{:.6} waited {waited:?} in {reason}", seconds(note))
        };
        let lines: Vec<String> = notes.iter().map(note).collect();
        return if lines.is_empty() { "nothing noted".into() } else { lines.join("\n") };
    }
    let mut json = String::new();
    list(&mut json, notes, |json, note| {
        object(json, |fields| {
            fields.number("at", seconds(&note));
            fields.text("call", note.reason);
            fields.time("waited_ms", Some(note.waited));
        });
    });
    json
}

/// Since 1970.
fn seconds(note: &diag::TraceNote) -> f64 {
    note.at.duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
