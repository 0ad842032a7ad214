//! Thread-locals of a library that is loaded while green threads run.

use crate::flavour::on_workers;
use crate::own;
use greenstd::thread::yield_now;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs, mem, process, ptr};

const SOURCE: &str = "
__thread int counter = 5;
__thread int zeros[100];
int count(void) { return 1000 * counter++ + zeros[3]++; }
";

/// The library's file, in a folder of its own, which goes with it.
struct Library {
    folder: PathBuf,
    path: CString,
}

impl Library {
    /// Compiles it. The linker of Rust is a C compiler.
    fn new(name: &str) -> Library {
        let folder = env::temp_dir().join(format!("greenstd-{}-{name}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (source, library) = (folder.join("counter.c"), folder.join("libcounter.so"));
        fs::write(&source, SOURCE).unwrap();
        let path = CString::new(library.as_os_str().as_bytes()).unwrap();
        let arguments: [PathBuf; 5] =
            ["-shared".into(), "-fPIC".into(), "-o".into(), library, source];
        assert!(Command::new("cc").args(arguments).status().unwrap().success());
        Library { folder, path }
    }

    fn load(&self) -> ptr::NonNull<libc::c_void> {
        // SAFETY: a library without constructors.
        ptr::NonNull::new(unsafe { libc::dlopen(self.path.as_ptr(), libc::RTLD_NOW) }).unwrap()
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Loads the library for good.
fn load(name: &str) -> extern "C" fn() -> i32 {
    let library = Library::new(name).load();
    // SAFETY: the library stays; its function has this type.
    unsafe {
        let count = libc::dlsym(library.as_ptr(), c"count".as_ptr());
        assert!(!count.is_null());
        mem::transmute::<*mut libc::c_void, extern "C" fn() -> i32>(count)
    }
}

/// Each finds the library's thread-locals as they begin, whether its block was used before the
/// library came, or after that, or never.
fn each_begins_anew(workers: usize, name: &'static str) {
    on_workers(workers, move || {
        let before: Vec<_> = (0..100).map(|_| own(yield_now)).collect();
        before.into_iter().for_each(|one| one.join().unwrap());
        let count = own(move || load(name)).join().unwrap();
        for _ in 0..3 {
            let use_it = move || {
                let first = count();
                yield_now();
                (first, count())
            };
            let all: Vec<_> = (0..200).map(|_| own(use_it)).collect();
            all.into_iter().for_each(|one| assert_eq!(one.join().unwrap(), (5000, 6001)));
        }
    });
}

#[test]
fn its_thread_locals_begin_anew_for_each_on_one_worker() {
    each_begins_anew(1, "one");
}

#[test]
fn its_thread_locals_begin_anew_for_each_on_two_workers() {
    each_begins_anew(2, "two");
}

/// The loader's locks are taken in its order: to begin anew is to look at its list, and every
/// library that comes or goes has that looked at in full.
#[test]
fn libraries_come_and_go_while_they_begin() {
    on_workers(2, || {
        let library = Library::new("comes and goes");
        let loads = std::thread::spawn(move || {
            for _ in 0..2000 {
                // SAFETY: nobody has taken anything from it.
                assert_eq!(unsafe { libc::dlclose(library.load().as_ptr()) }, 0);
            }
        });
        while !loads.is_finished() {
            let all: Vec<_> = (0..50).map(|_| own(yield_now)).collect();
            all.into_iter().for_each(|one| one.join().unwrap());
        }
        loads.join().unwrap();
    });
}
