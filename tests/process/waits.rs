//! Waits with deadlines, beside others, and what ends them.

use crate::child;
use crate::fixture::{beside_a_neighbour, state, until};
use greenstd::os::unix::process::ExitStatusExt;
use greenstd::process::{Child, Command, Stdio};
use greenstd::time;
use std::io::Read;
use std::time::{Duration, Instant};

fn sleeper() -> Child {
    Command::new("sleep").arg("1000").spawn().unwrap()
}

/// Ends a child that a test has left.
fn finish(mut child: Child) {
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
}

fn signal(child: &Child, signal: libc::c_int) {
    let id = libc::pid_t::try_from(child.id()).unwrap();
    // SAFETY: a child of ours that nobody has reaped.
    assert_eq!(unsafe { libc::kill(id, signal) }, 0);
}

laws! {
    fn a_wait_parks_and_others_run() {
        let mut child = Command::new("sleep").arg("0.1").spawn().unwrap();
        assert!(beside_a_neighbour(|| child.wait().unwrap()).success());
    }

    fn a_wait_in_vain_can_be_repeated() {
        let mut child = sleeper();
        for _ in 0..3 {
            let start = Instant::now();
            assert_eq!(child.wait_timeout(Duration::from_millis(20)).unwrap(), None);
            assert!(start.elapsed() >= Duration::from_millis(20));
        }
        assert_eq!(child.wait_deadline(Instant::now()).unwrap(), None);
        assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), None);
        finish(child);
    }

    fn a_wait_with_a_deadline_ends_with_the_child() {
        let mut child = Command::new("sh").args(["-c", "exit 4"]).spawn().unwrap();
        let status = child.wait_timeout(Duration::from_secs(100)).unwrap();
        assert_eq!(status.and_then(|status| status.code()), Some(4));
    }

    fn a_deadline_leaves_its_input_open() {
        let mut child =
            Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        assert_eq!(child.wait_timeout(Duration::from_millis(5)).unwrap(), None);
        assert!(child.stdin.is_some());
        assert!(child.wait().unwrap().success());
    }

    fn a_stopped_child_has_not_exited() {
        let mut child = sleeper();
        let id = child.id();
        signal(&child, libc::SIGSTOP);
        until("it is stopped", || state(id) == Some('T'));
        assert_eq!(child.wait_timeout(Duration::from_millis(50)).unwrap(), None);
        assert_eq!(child.try_wait().unwrap(), None);
        signal(&child, libc::SIGCONT);
        assert_eq!(child.wait_timeout(Duration::from_millis(50)).unwrap(), None);
        finish(child);
    }

    fn a_timeout_scope_leaves_the_child_to_be_waited_for() {
        let mut child = sleeper();
        assert!(time::timeout(Duration::from_millis(10), || child.wait()).is_err());
        assert_eq!(child.try_wait().unwrap(), None);
        finish(child);
    }

    fn who_holds_its_pipe_does_not_keep_a_child_from_its_end() {
        let mut command = Command::new("sh");
        // In a group of its own, so that all of it can be ended.
        command.args(["-c", "sleep 1000 & echo $!"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let status = child.wait_timeout(Duration::from_secs(100)).unwrap();
        assert!(status.is_some_and(|status| status.success()));
        let mut grandchild = [0; 16];
        let count = child.stdout.take().unwrap().read(&mut grandchild).unwrap();
        let id = str::from_utf8(&grandchild[..count]).unwrap().trim().parse().unwrap();
        // SAFETY: nobody has reaped it but init, which does so after this.
        unsafe { libc::kill(id, libc::SIGKILL) };
    }

    fn a_dropped_child_lives_on() {
        let child = sleeper();
        let id = child.id();
        let child = std::process::Child::from(child);
        drop(Child::from(child));
        assert_eq!(state(id).map(|state| state == 'Z'), Some(false));
        let id = libc::pid_t::try_from(id).unwrap();
        // SAFETY: nobody has reaped it.
        unsafe { libc::kill(id, libc::SIGKILL) };
        // SAFETY: asks for no status.
        assert_eq!(unsafe { libc::waitpid(id, std::ptr::null_mut(), 0) }, id);
    }

    fn children_of_std_are_taken_over_with_their_pipes() {
        let piped = std::process::Stdio::piped;
        let child =
            std::process::Command::new("cat").stdin(piped()).stdout(piped()).spawn().unwrap();
        let mut child = Child::from(child);
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"x").unwrap();
        let child = child.into_std();
        assert!(child.stdout.is_some() && child.stdin.is_none());
        assert_eq!(Child::from(child).wait_with_output().unwrap().stdout, b"x");
    }
}

laws! { green
    fn a_killed_waiter_leaves_the_child_to_be_waited_for() {
        let child = std::sync::Arc::new(greenstd::sync::Mutex::new(sleeper()));
        let waited = child.clone();
        let waiter = thread::spawn(move || {
            let mut child = waited.lock().unwrap();
            child.wait().map(drop)
        });
        thread::sleep(Duration::from_millis(10));
        assert!(waiter.kill_and_wait(None).unwrap());
        let child = std::sync::Arc::into_inner(child).unwrap();
        // The kill has unwound through its guard.
        let mut child = child.into_inner().unwrap_err().into_inner();
        assert_eq!(child.try_wait().unwrap(), None);
        finish(child);
    }
}

#[test]
fn exec_replaces_the_process() {
    use greenstd::os::unix::process::CommandExt;
    let output = child::succeed(|| {
        greenstd::run(|| {
            let error = Command::new("echo").arg("replaced").exec();
            panic!("exec has returned: {error}");
        });
    });
    assert!(child::text(&output.stdout).ends_with("replaced\n"));
}
