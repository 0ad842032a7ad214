//! A dump as text: a line for each green thread, or, with stacks, a paragraph for each group.

use super::dump::{Dump, RuntimeReport, WorkerReport};
use super::stack::{Group, Stack};
use super::thread::{State, ThreadReport};
use super::wait::{Descriptor, Wait};
use crate::engine::Interest;
use std::fmt;
use std::time::Duration;

/// Numbers of green threads that are listed of a group.
const LISTED_AT_MOST: usize = 16;

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, took) = (self.threads().len(), Span(self.took()));
        let of = |state| self.count(state);
        write!(
            f,
            "{count} green threads: {} running, {} runnable, {} parked, {} not started; seen in \
             {took}",
            of(State::Running { worker: 0 }),
            of(State::Runnable),
            of(State::Parked),
            of(State::Unstarted),
        )?;
        let groups = self.groups();
        let has_stacks = self.threads().iter().any(|thread| thread.stack().is_some());
        for runtime in self.runtimes() {
            write!(f, "\n{runtime}")?;
            if has_stacks {
                let of_runtime = |group: &&Group<'_>| group.first().runtime() == runtime.number();
                groups.iter().filter(of_runtime).try_for_each(|group| write!(f, "\n{group}"))?;
            } else {
                let threads = self.threads().iter();
                let mut threads = threads.filter(|thread| thread.runtime() == runtime.number());
                threads.try_for_each(|thread| write!(f, "\n  {thread}"))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for RuntimeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "runtime {} '{}'", self.number(), self.name())?;
        self.workers().iter().try_for_each(|worker| write!(f, "\n  {worker}"))
    }
}

impl fmt::Display for WorkerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_spare() { "spare worker" } else { "worker" };
        write!(f, "{kind} {} (OS thread {}) ", self.index(), self.os_thread())?;
        match self.running() {
            Some(id) => write!(f, "runs {} for {}", id.number(), Span(self.runs_for()))?,
            None if self.is_asleep() => f.write_str("sleeps")?,
            None => f.write_str("is awake")?,
        }
        if self.is_stuck() {
            f.write_str("; does not answer: what can start only there is not shown")?;
        }
        Ok(())
    }
}

impl fmt::Display for ThreadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name().unwrap_or("<unnamed>");
        write!(f, "{} '{name}' ", self.number())?;
        let time = Span(self.waits_for());
        match self.wait() {
            Some(wait) => write!(f, "{wait} for {time}")?,
            None => write!(f, "{} for {time}", Doing(self.state()))?,
        }
        if let Some(left) = self.time_left() {
            write!(f, ", {} left", Span(left))?;
        }
        if self.is_killed() {
            f.write_str(", killed")?;
        }
        write!(f, " (spawned at {}", self.site())?;
        if let Some(parent) = self.parent() {
            write!(f, " by {}", parent.number())?;
        }
        f.write_str(")")?;
        self.locals().iter().try_for_each(|it| write!(f, "\n      {} = {}", it.name(), it.value()))
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wait::Descriptor { descriptors } => {
                f.write_str("waits ")?;
                list(f, descriptors)
            }
            Wait::Timer => f.write_str("sleeps"),
            Wait::Lock { call, holder } => {
                write!(f, "waits in {call}")?;
                let Some(holder) = holder else { return Ok(()) };
                write!(f, ", held by {}", holder.number())?;
                holder.name().map_or(Ok(()), |name| write!(f, " '{name}'"))
            }
            Wait::Join { call, thread: Some(thread) } => {
                write!(f, "waits in {call} of {}", thread.number())
            }
            Wait::Select { arms, count, descriptors } => {
                write!(f, "waits in select of {count}: {}", arms.join(", "))?;
                if arms.len() < *count {
                    f.write_str(", …")?;
                }
                if !descriptors.is_empty() {
                    f.write_str(", ")?;
                    list(f, descriptors)?;
                }
                Ok(())
            }
            Wait::Channel { .. }
            | Wait::Join { .. }
            | Wait::Job { .. }
            | Wait::Other { .. }
            | Wait::Unnamed => write!(f, "waits in {}", self.call()),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, descriptors: &[Descriptor]) -> fmt::Result {
    for (number, descriptor) in descriptors.iter().enumerate() {
        if number > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{descriptor}")?;
    }
    Ok(())
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.interest() {
            Interest::Read => "read",
            Interest::Write => "write",
        };
        write!(f, "to {direction} descriptor {}", self.fd())?;
        match (self.peer(), self.local(), self.file()) {
            (Some(peer), ..) => write!(f, " (peer {peer})"),
            (None, Some(local), _) => write!(f, " (socket {local})"),
            (None, None, Some(file)) => write!(f, " ({file})"),
            (None, None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one] = self.threads() else {
            let (first, count) = (self.first(), self.threads().len());
            let call = first.wait().map_or(first.state().name(), Wait::call);
            let longest = self.threads().iter().map(|thread| thread.waits_for()).max();
            let longest = Span(longest.unwrap_or_default());
            write!(
                f,
                "  {count} green threads, {} in {call} for up to {longest}:",
                first.state().name()
            )?;
            for thread in self.threads().iter().take(LISTED_AT_MOST) {
                write!(f, " {}", thread.number())?;
            }
            if count > LISTED_AT_MOST {
                f.write_str(" …")?;
            }
            return first.stack().map_or(Ok(()), |stack| write!(f, "\n{stack}"));
        };
        write!(f, "  {one}")?;
        one.stack().map_or(Ok(()), |stack| write!(f, "\n{stack}"))
    }
}

/// As std prints one.
impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, frame) in self.frames().iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "    {number:4}: {}", frame.function())?;
            if let (Some(file), Some(line)) = (frame.file(), frame.line()) {
                write!(f, "\n                 at {}:{line}", file.display())?;
            }
        }
        Ok(())
    }
}

/// A state as a verb.
struct Doing(State);

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            State::Unstarted => f.write_str("has not started"),
            State::Runnable => f.write_str("is runnable"),
            State::Running { worker } => write!(f, "runs on worker {worker}"),
            State::Parked => f.write_str("waits"),
        }
    }
}

/// A time as people say it.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0 => write!(f, "{} ms", self.0.as_millis()),
            seconds @ 1..60 => write!(f, "{seconds}.{} s", self.0.subsec_millis() / 100),
            seconds @ 60..3600 => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            seconds => write!(f, "{} h {} min", seconds / 3600, seconds / 60 % 60),
        }
    }
}
