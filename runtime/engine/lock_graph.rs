//! Which lock was asked for while which other one was held: a graph without circles.
//!
//! An arrow leads from a lock to one that somebody has asked for while holding it. One that would
//! close a circle is reported instead of added, so each circle is found when its last arrow comes.

use super::lock_report::{LockReport, LockUse};
use std::collections::{HashMap, HashSet};
use std::mem;
use std::panic::Location;

/// Arrows that are kept: some megabytes. Later ones are checked, and forgotten.
const ARROWS_AT_MOST: usize = 1 << 16;

/// Reports that are kept for who asks. Later ones are told, and forgotten.
const KEPT_AT_MOST: usize = 1000;

/// A lock that somebody holds, or asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) lock: LockUse,
    pub(super) is_shared: bool,
}

#[derive(Debug, Default)]
pub(super) struct Graph {
    /// From a lock to those that were asked for while it was held, with the uses of both.
    arrows: HashMap<u64, HashMap<u64, (LockUse, LockUse)>>,
    count: usize,
    told: HashSet<(Location<'static>, Option<Location<'static>>, &'static str)>,
    kept: Vec<LockReport>,
}

impl Graph {
    /// Takes out the reports that were kept.
    pub(super) fn take_kept(&mut self) -> Vec<LockReport> {
        mem::take(&mut self.kept)
    }

    /// Adds an arrow, or tells why not.
    pub(super) fn enter(&mut self, held: Held, wanted: Held) -> Option<LockReport> {
        let (from, to) = (held.lock.id, wanted.lock.id);
        if from == to {
            let is_harmless = held.is_shared && wanted.is_shared;
            let report = LockReport::Again { held: held.lock, wanted: wanted.lock };
            return if is_harmless { None } else { self.once(report) };
        }
        if self.arrows.get(&from).is_some_and(|arrows| arrows.contains_key(&to)) {
            return None;
        }
        if let Some(before) = self.way(to, from) {
            let (held, wanted) = (held.lock, wanted.lock);
            return self.once(LockReport::Order { held, wanted, before });
        }
        if self.count < ARROWS_AT_MOST {
            self.count += 1;
            self.arrows.entry(from).or_default().insert(to, (held.lock, wanted.lock));
        }
        None
    }

    /// The arrows of a way between two locks, if there is one.
    fn way(&self, from: u64, to: u64) -> Option<Vec<(LockUse, LockUse)>> {
        let mut came_by: HashMap<u64, (LockUse, LockUse)> = HashMap::new();
        let mut open = vec![from];
        while let Some(lock) = open.pop() {
            if lock == to {
                let mut way = Vec::new();
                let mut here = to;
                while here != from {
                    let arrow = came_by[&here];
                    here = arrow.0.id;
                    way.push(arrow);
                }
                way.reverse();
                return Some(way);
            }
            for (&next, &arrow) in self.arrows.get(&lock).into_iter().flatten() {
                if next != from && !came_by.contains_key(&next) {
                    came_by.insert(next, arrow);
                    open.push(next);
                }
            }
        }
        None
    }

    /// The report, unless its pair of places was told before.
    pub(super) fn once(&mut self, report: LockReport) -> Option<LockReport> {
        let (first, second, what) = match &report {
            LockReport::Order { held, wanted, .. } => (held.site, Some(*wanted.site), "order"),
            LockReport::Again { held, wanted } => (held.site, Some(*wanted.site), "again"),
            LockReport::HeldAcrossWait { held, waits_in } => {
                (held.site, None, waits_in.unwrap_or("park"))
            }
        };
        if !self.told.insert((*first, second, what)) {
            return None;
        }
        if self.kept.len() < KEPT_AT_MOST {
            self.kept.push(report.clone());
        }
        Some(report)
    }
}
