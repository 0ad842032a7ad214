//! Children where the kernel knows no pidfd, which a filter of system calls pretends.

use crate::child;
use crate::fixture::{beside_a_neighbour, children};
use crate::flavour::on_workers;
use greenstd::os::unix::process::ExitStatusExt;
use greenstd::process::Command;
use greenstd::{thread, time};
use std::time::Duration;

/// Has `pidfd_open` fail as if there were no such call, for good, in this process.
fn without_pidfds() {
    const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = [
        step(LOAD_NUMBER, 0, 0, 0),
        step(JUMP_IF_EQUAL, 0, 1, libc::SYS_pidfd_open as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: a program that outlives the calls; both only limit this process.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let filter = libc::PR_SET_SECCOMP;
        assert_eq!(libc::prctl(filter, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
        assert_eq!(libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0), -1);
    }
}

fn children_are_waited_for() {
    let mut child = Command::new("sh").args(["-c", "sleep 0.1; exit 3"]).spawn().unwrap();
    assert_eq!(child.wait_timeout(Duration::from_millis(5)).unwrap(), None);
    assert!(time::timeout(Duration::from_millis(5), || child.wait()).is_err());
    assert_eq!(beside_a_neighbour(|| child.wait().unwrap().code()), Some(3));

    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    let id = libc::pid_t::try_from(child.id()).unwrap();
    let waiting = thread::spawn(move || child.wait());
    thread::sleep(Duration::from_millis(10));
    assert!(!waiting.is_finished());
    // SAFETY: nobody reaps it before it has exited.
    unsafe { libc::kill(id, libc::SIGKILL) };
    assert_eq!(waiting.join().unwrap().unwrap().signal(), Some(libc::SIGKILL));

    let codes: Vec<_> = (0..40)
        .map(|code| {
            thread::spawn(move || {
                let script = format!("sleep 0.05; exit {code}");
                Command::new("sh").args(["-c", &script]).status().unwrap().code()
            })
        })
        .collect();
    for (code, waiting) in codes.into_iter().enumerate() {
        assert_eq!(waiting.join().unwrap(), Some(i32::try_from(code).unwrap()));
    }
    assert_eq!(children(), 0);
}

#[test]
fn children_are_waited_for_where_there_are_no_pidfds() {
    child::succeed(|| {
        without_pidfds();
        on_workers(1, children_are_waited_for);
        on_workers(2, children_are_waited_for);
        children_are_waited_for();
    });
}
