//! The engine: green threads, workers, reactors, timers and stacks.
//!
//! The only module of this crate with unsafe code. What the rest of the crate uses of it is
//! re-exported here, and is safe. Reading order: `life` (the protocol), `fiber` (what a green
//! thread is), `worker`, `cycle` and `hunt` (who runs it), `shared` and `remote` (what workers have
//! in common), `reactor`, `slot` and `timers` (what it waits for), `relief`, `sentry` and `spare`
//! (what happens when a worker is stuck), `runtime` (how it all starts and ends).
#![allow(unsafe_code)]

#[cfg(not(loom))]
mod anchor;
mod atomic;
mod backlog;
mod barrier;
// Above the lists there is nothing yet in a model.
#[cfg_attr(loom, allow(dead_code))]
mod choice;
#[cfg_attr(loom, allow(dead_code))]
mod counters;
#[cfg_attr(loom, allow(dead_code))]
mod histogram;
mod idle;
mod inbox;
mod life;
mod mutex_word;
mod owned;
mod request;
mod rwlock_word;
mod slot;
mod timers;
mod vigil;
mod wait_list;
// Above it there is nothing yet in a model.
#[cfg_attr(loom, allow(dead_code))]
mod waker_slot;
mod watch;
mod wish;

#[cfg(not(loom))]
mod alarm;
#[cfg(not(loom))]
mod awaited;
#[cfg(not(loom))]
mod bindings;
#[cfg(not(loom))]
mod body;
#[cfg(not(loom))]
mod builder;
#[cfg(not(loom))]
mod choose;
#[cfg(not(loom))]
mod clock;
#[cfg(not(loom))]
mod coarse;
#[cfg(not(loom))]
mod command_ext;
#[cfg(not(loom))]
mod cycle;
#[cfg(not(loom))]
mod deadlock;
#[cfg(not(loom))]
mod drive;
#[cfg(not(loom))]
mod driven;
#[cfg(not(loom))]
mod dwellers;
#[cfg(not(loom))]
mod early;
#[cfg(not(loom))]
mod end_arm;
#[cfg(not(loom))]
mod ending;
#[cfg(not(loom))]
mod fiber;
#[cfg(not(loom))]
mod fork;
#[cfg(not(loom))]
mod handle;
#[cfg(not(loom))]
mod handles;
#[cfg(not(loom))]
mod home;
#[cfg(not(loom))]
mod hooks;
#[cfg(not(loom))]
mod hunt;
#[cfg(not(loom))]
mod killed;
#[cfg(not(loom))]
mod leaks;
#[cfg(not(loom))]
mod lend;
#[cfg(not(loom))]
mod limits;
#[cfg(not(loom))]
mod line;
#[cfg(not(loom))]
mod links;
#[cfg(not(loom))]
mod living;
#[cfg(not(loom))]
mod locals;
#[cfg(not(loom))]
mod lock;
#[cfg(all(not(loom), debug_assertions))]
mod lock_checks;
#[cfg(all(not(loom), not(debug_assertions)))]
#[path = "lock_checks_off.rs"]
mod lock_checks;
#[cfg(all(not(loom), debug_assertions))]
mod lock_graph;
#[cfg(not(loom))]
mod lock_guard;
#[cfg(not(loom))]
mod lock_report;
#[cfg(not(loom))]
mod meter;
#[cfg(not(loom))]
mod metrics;
#[cfg(not(loom))]
mod monitor;
#[cfg(not(loom))]
mod muster;
#[cfg(not(loom))]
mod nursery;
#[cfg(not(loom))]
mod os_thread;
#[cfg(not(loom))]
mod outside;
#[cfg(not(loom))]
mod own;
#[cfg(not(loom))]
mod pace;
#[cfg(not(loom))]
mod park;
#[cfg(not(loom))]
mod place;
#[cfg(not(loom))]
mod poll;
#[cfg(not(loom))]
mod quiet;
#[cfg(not(loom))]
mod quota;
#[cfg(not(loom))]
mod raw_fd;
#[cfg(not(loom))]
mod raw_mutex;
#[cfg(not(loom))]
mod raw_rwlock;
#[cfg(not(loom))]
mod reactor;
#[cfg(not(loom))]
mod ready;
#[cfg(not(loom))]
mod relief;
#[cfg(not(loom))]
mod remote;
#[cfg(not(loom))]
mod report;
#[cfg(not(loom))]
mod resting;
#[cfg(not(loom))]
mod roster;
#[cfg(not(loom))]
mod run;
#[cfg(not(loom))]
mod runtime;
#[cfg(not(loom))]
mod runtimes;
#[cfg(not(loom))]
mod scope;
#[cfg(not(loom))]
mod sentry;
#[cfg(not(loom))]
mod shared;
#[cfg(not(loom))]
mod shutdown;
#[cfg(not(loom))]
mod signals;
#[cfg(not(loom))]
mod simulation;
#[cfg(not(loom))]
mod spans;
#[cfg(not(loom))]
mod spare;
#[cfg(not(loom))]
mod spawn;
#[cfg(not(loom))]
mod stack;
#[cfg(not(loom))]
mod stand_in;
#[cfg(not(loom))]
mod survey;
#[cfg(not(loom))]
mod tenants;
#[cfg(not(loom))]
mod trace;
#[cfg(not(loom))]
mod wait;
#[cfg(not(loom))]
mod waiter;
#[cfg(not(loom))]
mod wakeups;
#[cfg(not(loom))]
mod wind_up;
#[cfg(not(loom))]
mod worker;

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(not(loom))]
pub(crate) use self::{
    atomic::{Mutex, MutexGuard},
    bindings::Binding,
    choose::{Place, choose, choose_now},
    clock::{now, time_of_day},
    early::{Early, Signal},
    end_arm::EndArm,
    ending::{OnEnd, When},
    fork::check as check_fork,
    handles::handle_methods,
    home::Home,
    killed::share_end,
    lend::on_lent_stack,
    limits::{is_limited, is_to_end, scope as limit, shield, unwind},
    line::{Ask, Line, Reason, Waited, WaitingFor, Wakeup, grant_each, wait as wait_in_line},
    locals::Local,
    lock_checks::locks_here,
    lock_guard::LockGuard,
    metrics::{metrics_of_all, stack_memory_of_all},
    monitor::Function,
    park::{
        deadline, is_elsewhere, own_reactor, park_shielded, park_until, register,
        register_from_anywhere, yield_now,
    },
    poll::{look, poll, poll_all, poll_for_any},
    raw_fd::from_raw_fd,
    raw_mutex::{CallerId, RawMutex},
    raw_rwlock::RawRwLock,
    reactor::{Place as SourcePlace, Source},
    report::{has_no_subscriber, message as panic_message, report_job},
    signals::{Caught, Heard, Sender},
    simulation::{settle, settle_at_last},
    slot::Seen,
    survey::{
        Descriptor, Phase, Sighting, Survey, Wishes, WorkerSight, find, for_each_parked, survey,
    },
    trace::trace_notes,
    waiter::Waiter,
    wakeups::Wakeups,
    worker::BYTES_PER_IO_CALL,
};
#[cfg(not(loom))]
pub use self::{
    awaited::{Awaitable, Wait},
    builder::{Builder, spawn_local},
    choose::{Arm, ArmOutcome, Choice},
    command_ext::CommandExt,
    deadlock::{Deadlock, ParkedThread},
    driven::{DrivenRuntime, Spawner, Turn},
    ending::{End, Ended, LinkId},
    handle::{Thread, ThreadId},
    handles::{JoinHandle, LocalJoinHandle},
    histogram::Histogram,
    hooks::{
        Inside, Unwound, catch_end, install as install_hooks,
        install_for_all as install_hooks_for_all, is_cooperative,
        is_installed as are_hooks_installed,
    },
    killed::Killed,
    limits::TimedOut,
    living::LivingThread,
    locals::Show,
    lock_report::{LockChecks, LockReport, LockUse},
    metrics::{Metrics, StackMemory},
    monitor::{Monitor, MonitorStatistics, monitor_statistics},
    nursery::{Nursery, nursery},
    outside::{ExternalWork, ServiceThread},
    own::ThreadLocals,
    park::{Outcome, is_on_green_thread, spend_io_budget, spend_io_bytes, try_spend_io_budget},
    poll::{PollFd, PollFlags},
    quiet::wait_idle,
    report::{ErrorHook, set_error_hook, take_error_hook},
    runtime::{Builder as RuntimeBuilder, Runtime},
    scope::{Scope, ScopedJoinHandle, scope},
    slot::Interest,
    stack::Statistics as StackStatistics,
    stack::trim_own as trim_own_stack,
    trace::TraceNote,
};
