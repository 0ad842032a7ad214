//! The calls of a green thread, and green threads whose calls are the same.

use super::thread::{State, ThreadReport};
use crate::engine::Function;
use std::collections::{HashMap, HashSet};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The calls of a green thread, innermost first. Calls of the engine itself are left out.
#[derive(Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Stack {
    frames: Vec<Frame>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Frame {
    function: String,
    place: Option<(PathBuf, u32)>,
}

/// Green threads that do the same.
#[derive(Debug)]
#[non_exhaustive]
pub struct Group<'d> {
    threads: Vec<&'d ThreadReport>,
}

/// Stacks of which equal ones are one.
#[derive(Debug, Default)]
pub(super) struct Interned(HashSet<Arc<Stack>>);

impl Interned {
    pub(super) fn intern(&mut self, calls: Vec<Function>) -> Arc<Stack> {
        let frame = |Function { name, place }: Function| {
            let function = name.unwrap_or_else(|| "<unknown>".to_owned());
            Frame { function, place }
        };
        let stack = Stack { frames: calls.into_iter().map(frame).collect() };
        if let Some(known) = self.0.get(&stack) {
            return known.clone();
        }
        let stack = Arc::new(stack);
        self.0.insert(stack.clone());
        stack
    }
}

impl Stack {
    /// The calls.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }
}

impl Frame {
    /// The function, or its address if it has no name.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The source file, as far as debug information tells.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.place.as_ref().map(|(file, _)| file.as_path())
    }

    /// The line in it.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.place.as_ref().map(|(_, line)| *line)
    }
}

impl<'d> Group<'d> {
    /// Those who do it, at least one.
    #[must_use]
    pub fn threads(&self) -> &[&'d ThreadReport] {
        &self.threads
    }

    /// One of them, for what all have in common.
    #[must_use]
    pub fn first(&self) -> &'d ThreadReport {
        self.threads[0]
    }
}

/// Groups green threads, largest groups first, and of the same size the oldest thread's.
pub(super) fn groups(threads: &[ThreadReport]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places = HashMap::new();
    for thread in threads {
        let state = mem::discriminant::<State>(&thread.state());
        // Equal stacks of one dump are one.
        let stack = thread.stack().map(std::ptr::from_ref);
        let site = stack.is_none().then(|| thread.site());
        let call = thread.wait().map(|wait| (wait.kind(), wait.call()));
        let place =
            *places.entry((thread.runtime(), state, call, stack, site)).or_insert_with(|| {
                groups.push(Group { threads: Vec::new() });
                groups.len() - 1
            });
        groups[place].threads.push(thread);
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.threads.len()));
    groups
}
