//! Message queues and semaphores of unmodified code.

use super::{WHILE, hooked, kill_in_hook, side_by_side};
use crate::raw;
use crate::sleep::to_timespec;
use greenstd_runtime::thread;
use std::ffi::CString;
use std::ptr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A queue with room for one message, that nobody else can open.
fn queue(number: usize) -> libc::mqd_t {
    let name = CString::new(format!("/greenstd-{}-{number}", std::process::id())).unwrap();
    // SAFETY: a string, and attributes that outlive the call.
    unsafe {
        let mut attributes: libc::mq_attr = std::mem::zeroed();
        (attributes.mq_maxmsg, attributes.mq_msgsize) = (1, 8);
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        let queue = libc::mq_open(name.as_ptr(), flags, 0o600, &raw mut attributes);
        assert!(queue >= 0, "errno {}", raw::errno());
        libc::mq_unlink(name.as_ptr());
        queue
    }
}

fn receive(queue: libc::mqd_t, time: Option<&libc::timespec>) -> isize {
    let mut message = [0; 8];
    let (pointer, null) = (message.as_mut_ptr(), ptr::null_mut());
    // SAFETY: room of ours, and a time.
    unsafe {
        match time {
            Some(time) => libc::mq_timedreceive(queue, pointer, 8, null, time),
            None => libc::mq_receive(queue, pointer, 8, null),
        }
    }
}

fn send(queue: libc::mqd_t) -> i32 {
    // SAFETY: four bytes.
    unsafe { libc::mq_send(queue, c"text".as_ptr(), 4, 0) }
}

fn close(queue: libc::mqd_t) {
    // SAFETY: a queue of ours.
    unsafe { libc::mq_close(queue) };
}

#[test]
fn messages_pass_between_green_threads_of_one_worker() {
    hooked().run(|| {
        let queue = queue(0);
        let sender = thread::spawn(move || {
            thread::sleep(WHILE);
            // There is room for one, so this waits again and again.
            (0..100).for_each(|_| assert_eq!(send(queue), 0));
        });
        (0..100).for_each(|_| assert_eq!(receive(queue, None), 4));
        sender.join().unwrap();
        close(queue);
    });
}

#[test]
fn a_wait_for_a_message_ends_by_its_time_or_a_kill() {
    hooked().run(|| {
        let queue = queue(1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let start = Instant::now();
        let outcome = receive(queue, Some(&to_timespec(now + WHILE)));
        assert_eq!((outcome, raw::errno()), (-1, libc::ETIMEDOUT));
        assert!(start.elapsed() >= WHILE / 2);
        let bad = libc::timespec { tv_sec: 1, tv_nsec: -1 };
        assert_eq!((receive(queue, Some(&bad)), raw::errno()), (-1, libc::EINVAL));
        kill_in_hook(thread::spawn(move || {
            assert_eq!((receive(queue, None), raw::errno()), (-1, libc::ECANCELED));
            thread::park();
        }));
        close(queue);
    });
}

fn change(set: i32, change: i16, timeout: Option<Duration>) -> i32 {
    let mut operation = libc::sembuf { sem_num: 0, sem_op: change, sem_flg: 0 };
    let timeout = timeout.map(to_timespec);
    let time = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: an operation and a time of ours.
    unsafe { crate::system_v::semtimedop(set, &raw mut operation, 1, time) }
}

#[test]
fn semaphores_are_waited_for_beside_those_who_post_and_for_a_time() {
    hooked().run(|| {
        // SAFETY: no pointers.
        let set = unsafe { libc::semget(libc::IPC_PRIVATE, 1, 0o600) };
        assert!(set >= 0);
        let start = Instant::now();
        assert_eq!(change(set, -1, Some(WHILE)), -1);
        assert_eq!(raw::errno(), libc::EAGAIN);
        assert!(start.elapsed() >= WHILE);
        // More than there are threads for waits.
        let waiters: Vec<_> =
            (0..300).map(|_| thread::spawn(move || assert_eq!(change(set, -1, None), 0))).collect();
        thread::sleep(WHILE);
        side_by_side(move |_| assert_eq!(change(set, 3, None), 0));
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        // SAFETY: no pointers.
        unsafe { libc::semctl(set, 0, libc::IPC_RMID) };
        assert_eq!((change(set, -1, None), raw::errno()), (-1, libc::EINVAL));
    });
}

#[test]
fn messages_of_system_v_are_waited_for_and_not_lost_by_a_kill() {
    #[repr(C)]
    struct Message {
        kind: libc::c_long,
        text: [u8; 4],
    }
    hooked().run(|| {
        // SAFETY: no pointers.
        let queue = unsafe { libc::msgget(libc::IPC_PRIVATE, 0o600) };
        let receiver = thread::spawn(move || {
            let mut message = Message { kind: 0, text: [0; 4] };
            // SAFETY: room of ours.
            let length = unsafe { libc::msgrcv(queue, (&raw mut message).cast(), 4, 0, 0) };
            assert_eq!((length, message.kind, &message.text), (4, 9, b"text"));
            thread::park();
        });
        thread::sleep(WHILE);
        receiver.thread().kill().unwrap();
        let message = Message { kind: 9, text: *b"text" };
        // SAFETY: a message of ours.
        assert_eq!(unsafe { libc::msgsnd(queue, (&raw const message).cast(), 4, 0) }, 0);
        assert!(receiver.join().unwrap_err().is::<thread::Killed>());
        // SAFETY: no pointers.
        unsafe { libc::msgctl(queue, libc::IPC_RMID, ptr::null_mut()) };
    });
}
