//! What the tests of dumps share: to wait for a dump that shows something.

use greenstd::diag::{self, Dump, Options, ThreadReport, Wait};
use greenstd::thread::ThreadId;
use std::thread;
use std::time::{Duration, Instant};

/// What a dump may take to show something, on a machine that is busy.
const HUNG_AFTER: Duration = Duration::from_secs(10);

/// Makes dumps until one `shows` what is looked for, and returns what that gave.
pub fn until<T>(options: &Options, mut shows: impl FnMut(&Dump) -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        let dump = options.dump();
        if let Some(found) = shows(&dump) {
            return found;
        }
        assert!(start.elapsed() < HUNG_AFTER, "not shown:\n{dump}");
        if greenstd::park::is_on_green_thread() {
            greenstd::thread::yield_now();
        } else {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The report of a green thread, once `is_it` is true of it.
pub fn report(
    options: &Options,
    id: ThreadId,
    is_it: impl Fn(&ThreadReport) -> bool,
) -> ThreadReport {
    until(options, |dump| dump.thread(id).filter(|report| is_it(report)).cloned())
}

/// The report of a green thread that waits, once `is_it` is true of what it waits for. It is among
/// those who are counted by their calls, too.
pub fn waiting(id: ThreadId, is_it: impl Fn(&Wait) -> bool) -> ThreadReport {
    let report = report(&Options::new(), id, |report| report.wait().is_some_and(&is_it));
    let call = report.wait().map(Wait::call);
    // It waits until the caller says otherwise.
    let parked = diag::parked();
    assert!(call.is_some_and(|call| parked.contains_key(call)), "{call:?} in {parked:?}");
    report
}
