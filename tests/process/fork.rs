//! What a forked child may do: call what does not wait, and be told so otherwise.

use crate::child;
use crate::flavour::on_workers;
use greenstd::net::{TcpListener, TcpStream};
use greenstd::os::unix::process::CommandExt;
use greenstd::process::Command;
use greenstd::{runtime, sync, thread, time};
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What each refusal says.
const REFUSAL: &str = "forked off";

/// Runs `body` in a fork of this very process. How that has ended: its code, or minus the signal;
/// none if it hangs.
fn forked(body: impl FnOnce()) -> Option<i32> {
    // SAFETY: the child does what the tests are about, and ends by `_exit`.
    let id = unsafe { libc::fork() };
    assert!(id >= 0);
    if id == 0 {
        let code = match catch_unwind(AssertUnwindSafe(body)) {
            Ok(()) => 0,
            Err(_) => 101,
        };
        // SAFETY: ends the child.
        unsafe { libc::_exit(code) };
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut status = 0;
        // SAFETY: a child of ours, and one integer to write to.
        let reaped = unsafe { libc::waitpid(id, &raw mut status, libc::WNOHANG) };
        if reaped == id {
            let has_exited = libc::WIFEXITED(status);
            return Some(if has_exited {
                libc::WEXITSTATUS(status)
            } else {
                -libc::WTERMSIG(status)
            });
        }
        if Instant::now() > deadline {
            // SAFETY: it is not reaped yet.
            unsafe { libc::kill(id, libc::SIGKILL) };
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The message of the panic with which `call` ends.
fn panic_of<T>(call: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(call)).err().expect("it does not return");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .expect("a panic has a message")
}

fn assert_refused(error: &io::Error) {
    assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains(REFUSAL), "{error}");
}

fn refuses_to_wait() {
    assert!(panic_of(thread::park).contains(REFUSAL));
    assert!(panic_of(|| sync::Semaphore::new(0).acquire()).contains(REFUSAL));
    assert!(panic_of(|| sync::Event::new().wait()).contains(REFUSAL));
    let (_sender, receiver) = greenstd::channel::bounded::<()>(1);
    assert!(panic_of(|| receiver.recv()).contains(REFUSAL));
}

fn refuses_to_spawn() {
    let spawned = thread::Builder::new().spawn(|| ());
    assert_refused(&spawned.expect_err("there are no workers"));
    assert!(panic_of(|| thread::spawn(|| ())).contains(REFUSAL));
    assert_refused(&runtime::Builder::new().build().expect_err("one is enough"));
}

/// Both ends of a connection, of which the first is registered with the worker.
fn registered() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut far = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut near = listener.accept().unwrap().0;
    let receiving = thread::spawn(move || {
        near.read_exact(&mut [0]).unwrap();
        near
    });
    thread::sleep(Duration::from_millis(5));
    far.write_all(b"x").unwrap();
    (receiving.join().unwrap(), far)
}

#[test]
fn a_child_of_a_green_thread_is_refused_whatever_waits() {
    child::succeed(|| {
        for workers in [1, 2] {
            on_workers(workers, || {
                assert_eq!(forked(refuses_to_wait), Some(0));
                assert_eq!(forked(refuses_to_spawn), Some(0));
                let sleep = || thread::sleep(Duration::from_millis(1));
                assert_eq!(forked(|| assert!(panic_of(sleep).contains(REFUSAL))), Some(0));
                // The parent goes on.
                thread::spawn(|| thread::sleep(Duration::from_millis(1))).join().unwrap();
            });
        }
    });
}

#[test]
fn a_child_of_an_os_thread_is_refused_whatever_waits() {
    child::succeed(|| {
        let sleeper = thread::spawn(thread::park);
        assert_eq!(forked(refuses_to_wait), Some(0));
        assert_eq!(forked(refuses_to_spawn), Some(0));
        assert_eq!(forked(|| assert!(panic_of(|| sleeper.join()).contains(REFUSAL))), Some(0));
        thread::spawn(|| thread::sleep(Duration::from_millis(1))).join().unwrap();
    });
}

#[test]
fn a_child_reads_what_is_there_and_is_refused_what_is_not() {
    child::succeed(|| {
        on_workers(1, || {
            let (mut near, mut far) = registered();
            let mut silent = registered();
            far.write_all(b"y").unwrap();
            let code = forked(|| {
                // A byte is there, but the slot may not have heard of it yet.
                if let Err(error) = near.read(&mut [0; 8]) {
                    assert_refused(&error);
                }
                assert_refused(&silent.0.read(&mut [0]).unwrap_err());
                let (reader, _writer) = greenstd::io::pipe().unwrap();
                assert_refused(&(&reader).read(&mut [0]).unwrap_err());
            });
            assert_eq!(code, Some(0));
        });
    });
}

#[test]
fn a_child_leaves_the_registrations_of_its_parent_alone() {
    child::succeed(|| {
        on_workers(1, || {
            let (near, mut far) = registered();
            let mut near = Some(near);
            assert_eq!(forked(|| drop(near.take())), Some(0));
            let mut near = near.expect("it was dropped by the child only");
            let receiving = thread::spawn(move || near.read(&mut [0; 8]).unwrap());
            thread::sleep(Duration::from_millis(5));
            far.write_all(b"z").unwrap();
            let received = time::timeout(Duration::from_secs(10), || receiving.join().unwrap());
            assert_eq!(received, Ok(1));
        });
    });
}

#[test]
fn a_green_thread_that_ends_in_the_child_ends_the_child() {
    let output = child::run(|| {
        on_workers(1, || {
            // SAFETY: the child only returns.
            let id = unsafe { libc::fork() };
            if id == 0 {
                return;
            }
            let mut status = 0;
            // SAFETY: a child of ours.
            unsafe { libc::waitpid(id, &raw mut status, 0) };
            assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGABRT);
        });
    });
    assert!(output.status.success(), "{}", output.status);
    assert!(child::text(&output.stderr).contains(REFUSAL));
}

#[test]
fn a_shielded_wait_ends_the_child() {
    child::succeed(|| {
        on_workers(1, || {
            let code = forked(|| {
                thread::scope(|scope| {
                    // Refused; so the scope has nobody to wait for.
                    assert!(catch_unwind(AssertUnwindSafe(|| scope.spawn(|| ()))).is_err());
                });
                thread::yield_now();
            });
            assert_eq!(code, Some(0));
        });
    });
}

#[test]
fn what_is_done_before_exec_is_refused_too() {
    child::succeed(|| {
        on_workers(1, || {
            let mut command = Command::new("true");
            // SAFETY: it is refused, and allocates an error, which a child of one thread may.
            let command =
                unsafe { command.pre_exec(|| thread::Builder::new().spawn(|| ()).map(drop)) };
            let error = command.spawn().unwrap_err();
            // Only the number of an error gets to the parent, and this one has none.
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            // A panic aborts the child instead of unwinding into a copy of the parent.
            let mut command = Command::new("true");
            // SAFETY: as above.
            let command = unsafe {
                command.pre_exec(|| {
                    thread::park();
                    Ok(())
                })
            };
            let status = command.status();
            assert!(!status.is_ok_and(|status| status.success()));
        });
    });
}

#[test]
fn a_process_that_forks_first_may_have_a_runtime_in_both() {
    child::succeed(|| {
        let code = forked(|| on_workers(1, || thread::sleep(Duration::from_millis(1))));
        assert_eq!(code, Some(0));
        on_workers(1, || thread::sleep(Duration::from_millis(1)));
    });
}
