//! Named FIFOs and terminals, which know no call that does not wait.

use crate::fixture::beside_a_neighbour;
use greenstd::io::{PipeReader, PipeWriter};
use std::env;
use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Both ends of a FIFO that has no name any more.
fn fifo() -> (PipeReader, PipeWriter) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = env::temp_dir().join(format!("greenstd-fifo-{}-{number}", std::process::id()));
    let name = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a path with its terminator.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    // Opened for both directions, neither end waits for the other.
    let both = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let reader = OpenOptions::new().read(true).open(&path).unwrap();
    let writer = OpenOptions::new().write(true).open(&path).unwrap();
    fs::remove_file(path).unwrap();
    drop(both);
    (OwnedFd::from(reader).into(), OwnedFd::from(writer).into())
}

/// Both ends of a terminal: what is written to the first is typed into the second.
fn terminal() -> (OwnedFd, OwnedFd) {
    let (mut keyboard, mut screen) = (0, 0);
    // SAFETY: two integers to be written to, and nothing else asked for.
    let made = unsafe {
        let none = ptr::null_mut::<libc::c_char>();
        libc::openpty(&raw mut keyboard, &raw mut screen, none, ptr::null_mut(), ptr::null_mut())
    };
    assert_eq!(made, 0);
    // SAFETY: both were just made.
    unsafe { (OwnedFd::from_raw_fd(keyboard), OwnedFd::from_raw_fd(screen)) }
}

laws! {
    fn reads_and_writes_of_a_fifo_park() {
        let (mut reader, mut writer) = fifo();
        let sent: Vec<u8> = (0..300_000_u32).map(|byte| (byte % 251) as u8).collect();
        let expected = sent.clone();
        let writing = thread::spawn(move || writer.write_all(&sent));
        beside_a_neighbour(|| thread::sleep(Duration::from_millis(50)));
        assert!(!writing.is_finished());
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        assert!(received == expected);
        writing.join().unwrap().unwrap();
    }

    fn a_killed_reader_of_a_fifo_loses_no_byte() {
        let (reader, mut writer) = fifo();
        let mut copy = reader.try_clone().unwrap();
        let reading = thread::spawn(move || (&reader).read(&mut [0; 8]).unwrap());
        thread::sleep(Duration::from_millis(5));
        assert!(reading.kill_and_wait(None).unwrap());
        writer.write_all(b"x").unwrap();
        drop(writer);
        let mut left = Vec::new();
        copy.read_to_end(&mut left).unwrap();
        assert_eq!(left, b"x");
    }

    fn a_line_that_is_typed_is_read() {
        let (keyboard, screen) = terminal();
        let mut keyboard = std::fs::File::from(keyboard);
        let mut reader = PipeReader::from(screen);
        let reading = thread::spawn(move || {
            let mut line = [0; 64];
            let count = reader.read(&mut line).unwrap();
            line[..count].to_vec()
        });
        beside_a_neighbour(|| thread::sleep(Duration::from_millis(50)));
        keyboard.write_all(b"typed\n").unwrap();
        assert_eq!(reading.join().unwrap(), b"typed\n");
    }
}
