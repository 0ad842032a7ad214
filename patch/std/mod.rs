//! std, with every item that may block replaced by greenstd's, which parks the green thread.
//!
//! ```
//! use greenstd_patch::std; // `greenstd::patch::std`: the one line that a ported file gains.
//! use std::io::{self, Read, Write};
//! use std::net::{TcpListener, TcpStream};
//!
//! fn main() -> io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let mut client = TcpStream::connect(listener.local_addr()?)?;
//!     let (mut server, _) = listener.accept()?;
//!     // A green thread: it parks in `read`, and its worker goes on with others.
//!     let greeter = std::thread::spawn(move || {
//!         let mut name = [0; 5];
//!         server.read_exact(&mut name).and_then(|()| server.write_all(b"hello "))?;
//!         server.write_all(&name)
//!     });
//!     client.write_all(b"world")?;
//!     let mut greeting = [0; 11];
//!     client.read_exact(&mut greeting)?;
//!     assert_eq!(&greeting, b"hello world");
//!     greeter.join().expect("it does not panic")
//! }
//! ```
//!
//! Each module here is the module of std of the same name, re-exported whole, with those of its
//! items replaced that may block. The replacements have std's names and signatures, and nothing
//! beside them; kills, timeouts and what else std lacks are in `greenstd` itself. Items that never
//! block (`Duration`, `SocketAddr`, `io::Error`, `Arc`, collections, …) are std's very own, so both
//! paths name the same types. Sockets, files, pipes and child processes are converted from std's
//! and into them by `From` and `into_std`.
//!
//! `thread::spawn` starts a green thread; `main` stays the OS thread that it is, on which every
//! item works too, and blocks as std's does.
//!
//! # Macros without a path
//!
//! `std::println!` is greenstd's, but `println!` alone comes from the prelude, which no line in a
//! file replaces but one that names the macro:
//!
//! ```
//! use greenstd_patch::std::{self, println, thread_local};
//!
//! thread_local! {
//!     static NAME: std::cell::RefCell<String> = std::cell::RefCell::default();
//! }
//!
//! NAME.with_borrow_mut(|name| name.push_str("own"));
//! NAME.with_borrow(|name| println!("{name}"));
//! ```
//!
//! So a file that declares a `thread_local!` should have it in that line: with greenstd's each
//! green thread has a value of its own, with std's the green threads of a worker share one.
//! Likewise `print!`, `println!`, `eprint!`, `eprintln!` and `dbg!`: left out, they print all the
//! same, but block the worker while the reader is slow. No other macro of std blocks. [`prelude`]
//! itself is std's: the compiler would call a macro ambiguous that a glob import of it replaced.
//!
//! # What no mirror can replace
//!
//! - **Other modules**: a `use` holds for the module that it stands in. A `mod` inside of a file,
//!   and each further file, needs the line, too.
//! - **Absolute paths**: `::std::…`, in a file or in what a macro of another crate expands to,
//!   names std itself. What `#[derive]` makes names only `core`, which does not block.
//! - **Methods of std's own types**: `Path::exists`, `Path::metadata`, `Path::read_dir` and their
//!   like ask the file system on the worker; the functions of [`fs`] do not.
//! - **Implementations that only std may write**: an `Arc` of a [`File`](fs::File) is no reader or
//!   writer (a reference to the file is), and what is generic over std's traits `ToSocketAddrs` and
//!   `IsTerminal` in another crate does not take greenstd's types.
//! - **The OS thread of a thread**: a [`JoinHandle`](thread::JoinHandle) has no `JoinHandleExt`,
//!   as a green thread has no `pthread_t`.
//! - **Unstable items** are std's, and those of them that block, block the worker.
//! - **Other crates**, which name std by themselves.

pub mod fs;
pub mod io;
pub mod net;
pub mod os;
pub mod process;
pub mod sync;
pub mod thread;

pub use ::std::*;

pub use greenstd_runtime::{dbg, eprint, eprintln, green_local as thread_local, print, println};
