//! What the green threads of this process do, as another thread finds out.
//!
//! Nobody is stopped for it, and nobody tells: who looks goes through the lists of those who live,
//! and *holds* each one that is parked for the microsecond that it takes to read what it waits
//! for, and to copy its stack (`life` invariant 5). A wake-up that comes meanwhile is carried out
//! when it is let go. So a survey is no picture of one moment: each green thread is shown as it was
//! when it was looked at.
//!
//! # Invariants
//!
//! 1. Who is held is let go by a guard, before anything is waited for.
//! 2. The cells of a header, and what they lead to on its stack, are read while it is held; the
//!    rest of it is atomic, or never changes.
//! 3. The lists and tables of a worker are read in slices of `SLICE`, so that it waits for some
//!    10 µs at most.

mod descriptors;
mod stacks;

pub(crate) use self::descriptors::Descriptor;

use self::stacks::Stacks;
use super::atomic::{Mutex, Ordering};
use super::coarse;
use super::fiber::{FiberRef, Header, Lane};
use super::handle::{Thread, ThreadId};
use super::life::Hold;
use super::line::Detail;
use super::monitor::unwind::Function;
use super::muster;
use super::remote::Remote;
use super::roster::Roster;
use super::runtimes;
use super::shared::{self, Shared};
use std::collections::HashMap;
use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

/// Places of a list that are read at once.
const SLICE: usize = 256;

/// How often a list is tried whose worker is at it, which it is for moments.
const TRIES: u32 = 1000;

/// What is to be found out besides what always is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wishes {
    /// How long workers may take to tell of their tasks.
    pub(crate) patience: Duration,
    pub(crate) stacks: bool,
    /// By which the stacks of those who run are taken, if they are to be.
    pub(crate) signal: Option<i32>,
    pub(crate) locals: bool,
}

/// One runtime.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) workers: Vec<WorkerSight>,
    pub(crate) threads: Vec<Sighting>,
    /// The calls of all stacks, innermost first.
    pub(crate) stacks: Vec<Vec<Function>>,
}

/// One worker.
#[derive(Clone, Debug)]
pub(crate) struct WorkerSight {
    pub(crate) index: usize,
    pub(crate) os_thread: u32,
    pub(crate) is_spare: bool,
    /// It sleeps.
    pub(crate) is_asleep: bool,
    /// It did not say in time which tasks wait for it, or let its list be read.
    pub(crate) is_stuck: bool,
    /// Who ran there, and for how long at most.
    pub(crate) running: Option<(ThreadId, Duration)>,
}

/// What a green thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Unstarted,
    Runnable,
    Running(usize),
    Parked,
}

/// One green thread.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) id: ThreadId,
    pub(crate) name: Option<String>,
    pub(crate) site: &'static Location<'static>,
    pub(crate) parent: Option<ThreadId>,
    pub(crate) phase: Phase,
    pub(crate) for_how_long: Duration,
    pub(crate) has_own_locals: bool,
    pub(crate) is_killed: bool,
    /// The call in which it waits, if that has a name.
    pub(crate) call: Option<&'static str>,
    pub(crate) time_left: Option<Duration>,
    /// For whose end it waits.
    pub(crate) target: Option<ThreadId>,
    /// Who holds the lock that it waits for.
    pub(crate) holder: Option<ThreadId>,
    /// It waits for a lock.
    pub(crate) is_for_lock: bool,
    /// The arms of a select, and how many there are in all.
    pub(crate) arms: Vec<&'static str>,
    pub(crate) arm_count: usize,
    pub(crate) descriptors: Vec<Descriptor>,
    /// Where its calls stand in the survey.
    pub(crate) stack: Option<usize>,
    pub(crate) locals: Vec<(&'static str, String)>,
}

/// Held by who looks: two at once would hold, and keep from one another, what both want to see.
static SURVEYOR: Mutex<()> = Mutex::new(());

/// Looks at all runtimes.
pub(crate) fn survey(wishes: &Wishes) -> Vec<Survey> {
    let _surveyor = SURVEYOR.lock();
    runtimes::all().iter().map(|shared| of_runtime(shared, wishes)).collect()
}

/// Shows all green threads that are parked, with nothing of a descriptor but its number. No worker
/// is asked for anything, or woken.
pub(crate) fn for_each_parked(mut each: impl FnMut(&Sighting)) {
    let _surveyor = SURVEYOR.lock();
    let (running, now) = (HashMap::new(), coarse::now());
    for shared in runtimes::all() {
        let mut waits = descriptors::waits(&shared, false);
        let mut see = |fiber: &FiberRef| {
            let Some(mut sighting) = look_at(fiber, &running, now, false, None) else { return };
            if sighting.phase == Phase::Parked {
                sighting.descriptors = waits.remove(&sighting.id).unwrap_or_default();
                each(&sighting);
            }
        };
        for remote in shared.remotes() {
            for_each(remote, |fibers| fibers.iter().for_each(&mut see));
        }
    }
}

/// The green thread with that number, if it lives and has started.
pub(crate) fn find(number: u64) -> Option<Thread> {
    runtimes::all().iter().find_map(|shared| {
        let mut found = None;
        for remote in shared.remotes() {
            for_each(remote, |fibers| {
                let it = fibers.into_iter().find(|fiber| fiber.header().id == number);
                found = it.or(found.take());
            });
        }
        found.filter(|fiber| !fiber.header().life.is_finished()).map(Thread::of)
    })
}

/// A green thread that is held.
struct Held<'f> {
    fiber: &'f FiberRef,
    hold: Option<Hold>,
}

impl<'f> Held<'f> {
    fn new(fiber: &'f FiberRef) -> Option<Held<'f>> {
        Some(Held { fiber, hold: Some(fiber.header().life.hold()?) })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take()
            && self.fiber.header().life.release(hold)
        {
            // SAFETY: the wake-up is ours to carry out, by `release`, and this is a reference.
            unsafe { shared::make_runnable(self.fiber.as_raw()) };
        }
    }
}

fn of_runtime(shared: &Shared, wishes: &Wishes) -> Survey {
    let (tasks, mut stuck) = muster::muster(shared, wishes.patience);
    let now = coarse::now();
    let mut threads: Vec<Sighting> =
        tasks.iter().map(|task| Sighting::new(task.header(), Phase::Unstarted, now)).collect();
    drop(tasks);
    let mut waits = descriptors::waits(shared, true);
    let mut stacks = wishes.stacks.then(|| Stacks::new(wishes, shared));
    for remote in shared.remotes() {
        let is_read = for_each(remote, |fibers| {
            let (running, now) = (who_runs(shared), coarse::now());
            let seen = fibers
                .iter()
                .filter_map(|fiber| look_at(fiber, &running, now, wishes.locals, stacks.as_mut()));
            threads.extend(seen.map(|mut sighting| {
                sighting.descriptors = waits.remove(&sighting.id).unwrap_or_default();
                sighting
            }));
        });
        if !is_read && !stuck.contains(&remote.index) {
            stuck.push(remote.index);
        }
    }
    // Who was a task, and then had started, was seen twice.
    threads.reverse();
    threads.sort_by_key(|thread| thread.id.number());
    threads.dedup_by_key(|thread| thread.id);
    let running: HashMap<usize, ThreadId> = threads
        .iter()
        .filter_map(|thread| match thread.phase {
            Phase::Running(worker) => Some((worker, thread.id)),
            _ => None,
        })
        .collect();
    let manned = shared.remotes().iter().filter(|remote| remote.post.is_manned());
    let workers = manned.map(|remote| WorkerSight {
        index: remote.index,
        os_thread: remote.os_thread(),
        is_spare: remote.index >= shared.regular().len(),
        is_asleep: remote.inbox.is_away(),
        is_stuck: stuck.contains(&remote.index),
        running: running.get(&remote.index).map(|&id| {
            (id, remote.post.running().map_or(Duration::ZERO, |(_, at)| coarse::since(at, now)))
        }),
    });
    let workers = workers.collect();
    let (number, name) = (shared.number, shared.relief.name().to_owned());
    let stacks = stacks.map(Stacks::into_calls).unwrap_or_default();
    Survey { number, name, workers, threads, stacks }
}

/// Calls `each` with slices of the fibers of a worker. False if it was always at its list.
fn for_each(remote: &Remote, mut each: impl FnMut(Vec<FiberRef>)) -> bool {
    let is_read = slices(
        |first| {
            (0..TRIES).find_map(|attempt| {
                if attempt > 0 {
                    thread::yield_now();
                }
                remote.fibers.visit(|roster| roster.slice(first, SLICE))
            })
        },
        &mut each,
    );
    slices(|first| Some(Roster::slice(&remote.free_fibers.lock(), first, SLICE)), &mut each);
    is_read
}

/// Calls `each` with slice after slice. False if `slice` has failed to get at one.
fn slices(
    mut slice: impl FnMut(usize) -> Option<Option<Vec<FiberRef>>>,
    each: &mut impl FnMut(Vec<FiberRef>),
) -> bool {
    for first in (0..).step_by(SLICE) {
        match slice(first) {
            None => return false,
            Some(None) => break,
            Some(Some(fibers)) => each(fibers),
        }
    }
    true
}

/// Who runs, by the address of the header: the worker, and since when.
fn who_runs(shared: &Shared) -> HashMap<*mut Header, (usize, u32)> {
    let running = |remote: &Remote| {
        let (fiber, since) = remote.post.running()?;
        Some((fiber, (remote.index, since)))
    };
    shared.remotes().iter().filter_map(running).collect()
}

/// Looks at a fiber. None if it has ended.
fn look_at(
    fiber: &FiberRef,
    running: &HashMap<*mut Header, (usize, u32)>,
    now: u32,
    shows_locals: bool,
    stacks: Option<&mut Stacks>,
) -> Option<Sighting> {
    let header = fiber.header();
    if header.life.is_finished() {
        return None;
    }
    let Some(held) = Held::new(fiber) else {
        let Some(&(worker, since)) = running.get(&fiber.as_raw().as_ptr()) else {
            return Some(Sighting::new(header, Phase::Runnable, now));
        };
        let mut sighting = Sighting::new(header, Phase::Running(worker), now);
        sighting.for_how_long = coarse::since(since, now);
        sighting.stack = stacks.and_then(|it| it.number_of_running(fiber.as_raw().as_ptr()));
        return Some(sighting);
    };
    // SAFETY: held.
    let mut sighting = unsafe { Sighting::of_held(header, now) };
    if shows_locals {
        // SAFETY: held.
        sighting.locals = unsafe { header.locals.show_all() };
    }
    let Some(stacks) = stacks else { return Some(sighting) };
    // SAFETY: held.
    let copied = unsafe { stacks.copy(header) };
    drop(held);
    sighting.stack = copied.and_then(|copied| stacks.number(&copied));
    Some(sighting)
}

impl Sighting {
    /// What can be said of a green thread whatever it does.
    fn new(header: &Header, phase: Phase, now: u32) -> Sighting {
        Sighting {
            id: ThreadId::new(header.id),
            name: header.name().map(str::to_owned),
            site: header.site,
            parent: Some(header.parent).filter(|&it| it != 0).map(ThreadId::new),
            phase,
            for_how_long: coarse::since(header.since.load(Ordering::Relaxed), now),
            has_own_locals: header.lane == Lane::Free,
            is_killed: header.life.is_killed(),
            call: None,
            time_left: None,
            target: None,
            holder: None,
            is_for_lock: false,
            arms: Vec::new(),
            arm_count: 0,
            descriptors: Vec::new(),
            stack: None,
            locals: Vec::new(),
        }
    }

    /// # Safety
    ///
    /// It is held.
    unsafe fn of_held(header: &Header, now: u32) -> Sighting {
        // SAFETY: by the caller's promise (invariant 2).
        let is_started = unsafe { &*header.coroutine.get() }.is_some();
        let phase = if is_started { Phase::Parked } else { Phase::Unstarted };
        let mut sighting = Sighting::new(header, phase, now);
        let left = |at: Instant| at.saturating_duration_since(Instant::now());
        sighting.time_left = header.deadline.get().map(left);
        sighting.call = header.waits_for.get().map(|reason| reason.0);
        sighting.target = header.waits_for.thread().map(ThreadId::new);
        // SAFETY: by the caller's promise.
        match unsafe { header.waits_for.detail() } {
            Some(&Detail::Lock(holder, _)) => {
                sighting.is_for_lock = true;
                // SAFETY: the lock lives as long as somebody waits for it, who is held.
                sighting.holder = unsafe { &*holder }.number().map(ThreadId::new);
            }
            Some(Detail::Arms(names, count)) => {
                sighting.arms = names[..names.len().min(*count)].to_vec();
                sighting.arm_count = *count;
            }
            None => {}
        }
        sighting
    }
}
