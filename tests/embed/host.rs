//! Hosts: loops that know nothing of a runtime but its descriptor.

use greenstd::runtime::{Builder, DrivenRuntime};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use std::os::fd::AsFd;
use std::time::Duration;

/// What nothing takes unless a wake-up was missed.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub fn driven() -> DrivenRuntime {
    Builder::new().build_driven().unwrap()
}

fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) }
}

/// Polls the descriptor, level-triggered: whether it is readable, or becomes so in time.
pub fn is_readable(descriptor: impl AsFd, time: Duration) -> bool {
    let mut polled = [PollFd::new(&descriptor, PollFlags::IN)];
    poll(&mut polled, Some(&timespec(time))).unwrap() == 1
}

/// A host that polls level-triggered, and turns once for each time that the descriptor is readable.
/// Returns how often that was.
pub fn drive_by_level(runtime: &DrivenRuntime, mut is_over: impl FnMut() -> bool) -> usize {
    let mut turns = 0;
    while !is_over() {
        assert!(is_readable(runtime, PATIENCE), "a wake-up was missed after {turns} turns");
        runtime.turn(Some(Duration::ZERO));
        turns += 1;
    }
    turns
}

/// A host that hears of edges only, and turns for each until the runtime says that it is idle.
pub fn drive_by_edges(runtime: &DrivenRuntime, mut is_over: impl FnMut() -> bool) {
    let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let edges = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(&set, runtime, epoll::EventData::new_u64(0), edges).unwrap();
    loop {
        while runtime.turn(Some(Duration::ZERO)).is_runnable() {}
        if is_over() {
            return;
        }
        let mut events: Vec<epoll::Event> = Vec::with_capacity(1);
        let buffer = rustix::buffer::spare_capacity(&mut events);
        let count = epoll::wait(&set, buffer, Some(&timespec(PATIENCE))).unwrap();
        assert_eq!(count, 1, "an edge was missed");
    }
}
