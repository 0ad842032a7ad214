//! Which faults happen, how often, and how often they did.
//!
//! Each question takes the next number of its plan's one counter, and a hash of that and the seed
//! decides. So the answers are a sequence that the seed alone determines; which call gets which
//! depends on the order in which threads ask, and is the same each time on a single worker.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use greenstd_runtime::fd::spurious_would_block;
use greenstd_runtime::local::Inherited;

use super::Call;

/// What can be made to happen to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// `eintr`: a signal came (`EINTR`). Seen by users where std lets them see it: a read, a write,
    /// not an accept.
    Interrupted,
    /// `eagain`: the descriptor was told ready for nothing. Never seen by users.
    WouldBlock,
    /// `short`: fewer bytes are moved than could be.
    Short,
    /// `emfile`: the process or the system is out of descriptors (`EMFILE`, `ENFILE`).
    Descriptors,
    /// `enobufs`: the system is out of memory for networks (`ENOBUFS`).
    Buffers,
    /// `econnaborted`: the peer went away before it was accepted. Never seen by users.
    Aborted,
    /// `delay`: the call takes up to 100 µs longer.
    Delay,
}

impl Fault {
    /// All there are.
    pub const ALL: [Fault; 7] = [
        Fault::Interrupted,
        Fault::WouldBlock,
        Fault::Short,
        Fault::Descriptors,
        Fault::Buffers,
        Fault::Aborted,
        Fault::Delay,
    ];

    /// The name in `GREENSTD_FAULTS`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fault::Interrupted => "eintr",
            Fault::WouldBlock => "eagain",
            Fault::Short => "short",
            Fault::Descriptors => "emfile",
            Fault::Buffers => "enobufs",
            Fault::Aborted => "econnaborted",
            Fault::Delay => "delay",
        }
    }

    pub(super) fn named(name: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// The table in the head of `faults.rs`, without short counts.
    fn may_precede(self, call: Call) -> bool {
        let is_accept = matches!(call, Call::Accept | Call::AcceptUnix);
        match self {
            Fault::Interrupted => is_accept || matches!(call, Call::Receive | Call::Send),
            Fault::WouldBlock => call != Call::Open,
            Fault::Short => false,
            Fault::Descriptors => is_accept || call == Call::Open,
            Fault::Buffers => is_accept || matches!(call, Call::Open | Call::Send),
            Fault::Aborted => call == Call::Accept,
            Fault::Delay => true,
        }
    }
}

/// Which faults happen, and how often. Clones share the counters.
///
/// # Examples
///
/// ```
/// use greenstd_net::faults::{Fault, Plan};
/// use greenstd_net::TcpListener;
///
/// let plan = Plan::new(7).rate(900).only(&[Fault::Descriptors]);
/// plan.scope(|| while TcpListener::bind("127.0.0.1:0").is_ok() {});
/// assert_eq!(plan.count(Fault::Descriptors), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    seed: u64,
    rate_permille: u32,
    faults: [bool; Fault::ALL.len()],
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    asked: AtomicU64,
    happened: [AtomicU64; Fault::ALL.len()],
}

/// The plan of the calling thread, which green threads inherit.
static SCOPE: Inherited<Plan> = Inherited::new();

impl Plan {
    /// The highest rate: every call has to succeed at some time.
    pub const RATE_MAX_PERMILLE: u32 = 900;

    /// A plan in which every tenth call meets a fault, of any kind.
    #[must_use]
    pub fn new(seed: u64) -> Plan {
        let faults = [true; Fault::ALL.len()];
        Plan { seed, rate_permille: 100, faults, counters: Arc::default() }
    }

    /// A plan without faults, for what must be spared those of the environment.
    #[must_use]
    pub fn none() -> Plan {
        Plan::new(0).only(&[])
    }

    /// Sets how many of a thousand calls meet a fault.
    ///
    /// # Panics
    ///
    /// If it is more than [`RATE_MAX_PERMILLE`](Plan::RATE_MAX_PERMILLE).
    #[must_use]
    pub fn rate(self, permille: u32) -> Plan {
        assert!(permille <= Plan::RATE_MAX_PERMILLE, "`rate` of {permille} ‰ lets no call succeed");
        Plan { rate_permille: permille, ..self }
    }

    /// Chooses the faults. A call to which none of them can happen meets none.
    #[must_use]
    pub fn only(self, faults: &[Fault]) -> Plan {
        Plan { faults: Fault::ALL.map(|fault| faults.contains(&fault)), ..self }
    }

    /// Calls `body` with this plan in force instead of that of the environment, or of a scope
    /// around this one.
    ///
    /// It holds for the calling thread and for the green threads that are spawned inside. A plain
    /// OS thread that is spawned inside needs a scope of its own.
    pub fn scope<R>(&self, body: impl FnOnce() -> R) -> R {
        SCOPE.scope(self.clone(), body)
    }

    /// Returns how often a fault has happened.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.counters.happened[fault as usize].load(Ordering::Relaxed)
    }

    pub(super) fn of_scope() -> Option<Plan> {
        SCOPE.get()
    }

    pub(super) fn before(&self, call: Call) -> io::Result<()> {
        let Some((fault, chance)) = self.next(|fault| fault.may_precede(call)) else {
            return Ok(());
        };
        let code = match fault {
            Fault::Interrupted => libc::EINTR,
            Fault::WouldBlock => return Err(spurious_would_block()),
            Fault::Descriptors if chance % 2 == 0 => libc::EMFILE,
            Fault::Descriptors => libc::ENFILE,
            Fault::Buffers => libc::ENOBUFS,
            Fault::Aborted => libc::ECONNABORTED,
            Fault::Delay => {
                // Of the OS thread, as in a slow system call.
                thread::sleep(Duration::from_micros(chance % 100));
                return Ok(());
            }
            Fault::Short => unreachable!("it precedes no call"),
        };
        Err(io::Error::from_raw_os_error(code))
    }

    pub(super) fn allowed(&self, call: Call, wanted: usize) -> usize {
        debug_assert!(matches!(call, Call::Receive | Call::Send), "{call:?} moves no bytes");
        if wanted <= 1 {
            return wanted;
        }
        match self.next(|fault| fault == Fault::Short) {
            // Often very short, for what needs several calls then.
            Some((_, chance)) if chance % 2 == 0 => 1 + (chance >> 1) as usize % wanted.min(16),
            Some((_, chance)) => 1 + (chance >> 1) as usize % wanted,
            None => wanted,
        }
    }

    /// Whether one of the faults that `can_happen` is to happen now, and which; with it a number
    /// for what else is left to chance.
    fn next(&self, can_happen: impl Fn(Fault) -> bool) -> Option<(Fault, u64)> {
        let mut candidates = Fault::ALL
            .into_iter()
            .filter(|&fault| self.faults[fault as usize] && can_happen(fault));
        let count = candidates.clone().count();
        if count == 0 {
            return None;
        }
        // Relaxed, as all here: the numbers order nothing.
        let number = self.counters.asked.fetch_add(1, Ordering::Relaxed);
        let chance = hash(self.seed, number);
        if chance % 1000 >= u64::from(self.rate_permille) {
            return None;
        }
        let chance = chance / 1000;
        let fault = candidates.nth(chance as usize % count).expect("the index is below the count");
        self.counters.happened[fault as usize].fetch_add(1, Ordering::Relaxed);
        Some((fault, chance / count as u64))
    }
}

/// The plan in the words of `GREENSTD_FAULTS`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed={},rate={},set=", self.seed, self.rate_permille)?;
        let mut separator = "";
        for fault in Fault::ALL.into_iter().filter(|&fault| self.faults[fault as usize]) {
            write!(f, "{separator}{}", fault.name())?;
            separator = "+";
        }
        Ok(())
    }
}

/// The `number`th output of splitmix64 (Steele, Lea and Flood).
fn hash(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: [Call; 6] =
        [Call::Open, Call::Connect, Call::Accept, Call::AcceptUnix, Call::Receive, Call::Send];

    fn outcomes(plan: &Plan) -> Vec<String> {
        let ask = |round: usize| {
            let outcome = plan.before(CALLS[round % CALLS.len()]);
            format!("{outcome:?} {}", plan.allowed(Call::Send, 1000))
        };
        (0..5000).map(ask).collect()
    }

    #[test]
    fn a_seed_determines_the_sequence() {
        let [first, again, other] = [1, 1, 2].map(|seed| outcomes(&Plan::new(seed).rate(300)));
        assert_eq!(first, again);
        assert_ne!(first, other);
    }

    #[test]
    fn every_fault_happens_about_as_often_as_asked_for_and_is_counted() {
        let plan = Plan::new(5).rate(200);
        let failed = (0..10_000).filter(|_| plan.before(Call::Accept).is_err()).count();
        let counted = Fault::ALL.map(|fault| plan.count(fault));
        assert_eq!(failed as u64 + plan.count(Fault::Delay), counted.iter().sum::<u64>());
        for fault in Fault::ALL {
            // Six kinds share the rate: 333 of each.
            let bounds = if fault == Fault::Short { 0..1 } else { 250..420 };
            assert!(bounds.contains(&plan.count(fault)), "{fault:?}: {counted:?}");
        }
    }

    #[test]
    fn a_short_count_is_shorter_and_one_at_least() {
        let plan = Plan::new(9).rate(Plan::RATE_MAX_PERMILLE).only(&[Fault::Short]);
        for wanted in (0..100).chain([1 << 20, usize::MAX]) {
            let allowed = plan.allowed(Call::Receive, wanted);
            assert!(allowed <= wanted && (allowed > 0) == (wanted > 0));
        }
        assert!(plan.count(Fault::Short) > 50);
    }

    #[test]
    fn a_call_meets_no_fault_of_another() {
        let plan = Plan::new(3).rate(900).only(&[Fault::Aborted, Fault::Descriptors]);
        for _ in 0..1000 {
            for call in [Call::Connect, Call::Receive, Call::Send] {
                plan.before(call).unwrap();
            }
            assert_eq!(plan.allowed(Call::Send, 10), 10);
        }
        outcomes(&Plan::none()).iter().for_each(|outcome| assert_eq!(outcome, "Ok(()) 1000"));
    }

    #[test]
    fn the_innermost_scope_is_in_force_and_green_threads_inherit_it() {
        let plan = Plan::new(1);
        let seed = || Plan::of_scope().map(|plan| plan.seed);
        plan.scope(|| {
            assert_eq!(greenstd_runtime::thread::spawn(seed).join().unwrap(), Some(1));
            assert_eq!(Plan::new(2).scope(seed), Some(2));
            assert_eq!(seed(), Some(1));
        });
        assert_eq!(seed(), None);
    }
}
