//! Signals that nobody sends.

use super::{Wait, plain, wait};
use greenstd::select;
use greenstd::signal::{self, SIGUSR1, SIGUSR2, Signals};

pub const WAITS: &[Wait] = &[
    wait(
        "Signals::wait",
        || assert_eq!(listener().wait(), None),
        |time| listener().wait_timeout(time).is_none(),
    ),
    wait(
        "Signals::wait_info",
        || assert_eq!(listener().wait_info(None), None),
        |time| listener().wait_info(time).is_none(),
    ),
    wait(
        "wait_any of signals",
        || assert_eq!(select::wait_any([listener()]).1, None),
        |time| select::wait_any_timeout([listener()], time).is_none(),
    ),
    plain("Signals::forever", || assert_eq!(listener().forever().count(), 0)),
    plain("signal::wait", || signal::wait(SIGUSR2).unwrap()),
    plain("signal::ctrl_c", || signal::ctrl_c().unwrap()),
];

fn listener() -> Signals {
    Signals::new([SIGUSR1]).unwrap()
}
