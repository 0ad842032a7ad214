//! Child processes of unmodified code.
#![expect(clippy::zombie_processes, reason = "what is tested waits for them")]

use super::{WHILE, hooked, kill_in_hook, side_by_side};
use crate::raw;
use greenstd_runtime::thread;
use std::process::{Child, Command};
use std::ptr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn sleeper(seconds: &str) -> Child {
    Command::new("sleep").arg(seconds).spawn().unwrap()
}

fn wait_for(child: libc::pid_t, options: i32) -> (libc::pid_t, i32) {
    let mut status = -1;
    // SAFETY: a status of ours.
    (unsafe { libc::waitpid(child, &raw mut status, options) }, status)
}

#[test]
fn a_hundred_children_of_std_are_waited_for_side_by_side() {
    hooked().run(|| {
        let start = Instant::now();
        side_by_side(|_| assert!(sleeper("0.2").wait().unwrap().success()));
        let took = start.elapsed();
        assert!(took >= 2 * WHILE && took < Duration::from_secs(15), "took {took:?}");
    });
}

#[test]
fn a_wait_for_any_child_of_a_group_reaps_each_once() {
    hooked().run(|| {
        use std::os::unix::process::CommandExt;
        let mut leader = Command::new("sleep").arg("0.2").process_group(0).spawn().unwrap();
        let group = i32::try_from(leader.id()).unwrap();
        let second = Command::new("sleep").arg("0.1").process_group(group).spawn().unwrap();
        let reaped = Arc::new(Mutex::new(Vec::new()));
        let waiters = [(); 2].map(|()| {
            let reaped = reaped.clone();
            thread::spawn(move || {
                let (child, status) = wait_for(-group, 0);
                assert!(libc::WIFEXITED(status));
                reaped.lock().unwrap().push(child);
            })
        });
        let [(), ()] = waiters.map(|waiter| waiter.join().unwrap());
        let expected = [i32::try_from(second.id()).unwrap(), group];
        assert_eq!(*reaped.lock().unwrap(), expected);
        assert_eq!((wait_for(-group, 0).0, raw::errno()), (-1, libc::ECHILD));
        assert!(leader.wait().is_err());
    });
}

#[test]
fn a_stop_and_an_exit_are_told_with_the_info_and_a_kill_reaps_nobody() {
    hooked().run(|| {
        let child = sleeper("3600");
        let id = i32::try_from(child.id()).unwrap();
        let waiter = thread::spawn(move || {
            assert_eq!((wait_for(id, 0).0, raw::errno()), (-1, libc::ECANCELED));
            thread::park();
        });
        kill_in_hook(waiter);
        let stopper = thread::spawn(move || {
            thread::sleep(WHILE);
            // SAFETY: a child of ours.
            unsafe { libc::kill(id, libc::SIGSTOP) };
        });
        let (stopped, status) = wait_for(id, libc::WUNTRACED);
        assert_eq!((stopped, libc::WIFSTOPPED(status)), (id, true));
        stopper.join().unwrap();
        // SAFETY: a child of ours, and a struct that the kernel fills.
        unsafe {
            libc::kill(id, libc::SIGKILL);
            let mut info = std::mem::zeroed::<libc::siginfo_t>();
            let number = libc::id_t::try_from(id).unwrap();
            let outcome = libc::waitid(libc::P_PID, number, &raw mut info, libc::WEXITED);
            assert_eq!((outcome, info.si_pid(), info.si_status()), (0, id, libc::SIGKILL));
        }
    });
}

#[test]
fn wait4_tells_what_the_child_has_used_and_errors_are_the_kernels() {
    hooked().run(|| {
        let child = sleeper("0.1");
        let id = i32::try_from(child.id()).unwrap();
        // SAFETY: a plain struct of C that the kernel fills, and no status.
        let usage = unsafe {
            let mut usage = std::mem::zeroed::<libc::rusage>();
            assert_eq!(libc::wait4(id, ptr::null_mut(), 0, &raw mut usage), id);
            usage
        };
        assert!(usage.ru_maxrss > 0);
        assert_eq!((wait_for(id, 0).0, raw::errno()), (-1, libc::ECHILD));
        assert_eq!((wait_for(1, 0).0, raw::errno()), (-1, libc::ECHILD));
        assert_eq!((wait_for(id, 1 << 20).0, raw::errno()), (-1, libc::EINVAL));
    });
}

#[test]
fn shells_run_side_by_side_and_tell_their_status() {
    hooked().run(|| {
        let start = Instant::now();
        let handles: Vec<_> = (0..20)
            .map(|_| {
                thread::spawn(|| {
                    // SAFETY: strings.
                    unsafe {
                        let status = libc::system(c"sleep 0.3; exit 3".as_ptr());
                        assert_eq!(libc::WEXITSTATUS(status), 3);
                        let stream = libc::popen(c"sleep 0.3; exit 4".as_ptr(), c"r".as_ptr());
                        let status = libc::pclose(stream);
                        assert_eq!(libc::WEXITSTATUS(status), 4);
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        assert!((6 * WHILE..60 * WHILE).contains(&start.elapsed()));
    });
}

#[test]
fn the_child_of_a_fork_or_vfork_on_a_green_thread_makes_the_kernels_calls() {
    unsafe extern "C" {
        fn vfork() -> libc::pid_t;
    }
    hooked().run(|| {
        for fork in [libc::fork, vfork] {
            // SAFETY: the child only sleeps by a call that would park, and ends.
            let child = unsafe { fork() };
            if child == 0 {
                // SAFETY: as above.
                unsafe {
                    libc::usleep(1000);
                    libc::_exit(5);
                }
            }
            let (reaped, status) = wait_for(child, 0);
            assert_eq!((reaped, libc::WEXITSTATUS(status)), (child, 5));
        }
    });
}

#[test]
fn outside_of_green_threads_waits_and_vforks_are_the_kernels() {
    unsafe extern "C" {
        fn vfork() -> libc::pid_t;
    }
    assert!(sleeper("0.1").wait().unwrap().success());
    // SAFETY: the child calls nothing but `_exit`.
    let child = unsafe {
        let child = vfork();
        if child == 0 {
            libc::_exit(6);
        }
        child
    };
    let (reaped, status) = wait_for(child, 0);
    assert_eq!((reaped, libc::WEXITSTATUS(status)), (child, 6));
    // SAFETY: a string.
    assert_eq!(libc::WEXITSTATUS(unsafe { libc::system(c"exit 2".as_ptr()) }), 2);
}
