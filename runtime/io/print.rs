//! `print!` and its like, which park where std's block the worker.

use super::{stderr, stdout};
use std::fmt;
use std::io::Write;

/// Prints to the standard output, as `std::print!`, through [`Stdout`](crate::io::Stdout): the
/// calling green thread parks while the reader is slow.
///
/// Unlike std's it is not captured by the test harness.
///
/// # Panics
///
/// If the output cannot be written to, as in std.
#[macro_export]
macro_rules! print {
    ($($text:tt)*) => { $crate::io::_print(::std::format_args!($($text)*)) };
}

/// Prints a line to the standard output, as `std::println!`. As [`print!`](crate::print).
///
/// # Panics
///
/// If the output cannot be written to, as in std.
#[macro_export]
macro_rules! println {
    () => { $crate::io::_print(::std::format_args!("\n")) };
    ($($text:tt)*) => {
        $crate::io::_print(::std::format_args!("{}\n", ::std::format_args!($($text)*)))
    };
}

/// Prints to the standard error, as `std::eprint!`, through [`Stderr`](crate::io::Stderr).
///
/// # Panics
///
/// If the output cannot be written to, as in std.
#[macro_export]
macro_rules! eprint {
    ($($text:tt)*) => { $crate::io::_eprint(::std::format_args!($($text)*)) };
}

/// Prints a line to the standard error, as `std::eprintln!`. As [`eprint!`](crate::eprint).
///
/// # Panics
///
/// If the output cannot be written to, as in std.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::io::_eprint(::std::format_args!("\n")) };
    ($($text:tt)*) => {
        $crate::io::_eprint(::std::format_args!("{}\n", ::std::format_args!($($text)*)))
    };
}

/// Prints expressions and their values to the standard error, as `std::dbg!`, through
/// [`Stderr`](crate::io::Stderr), and returns the values.
///
/// # Panics
///
/// If the output cannot be written to, as in std.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::dbg;
///
/// assert_eq!(dbg!(6 * 7) + 1, 43);
/// assert_eq!(dbg!("two", 2), ("two", 2));
/// ```
#[macro_export]
macro_rules! dbg {
    () => {
        $crate::eprintln!("[{}:{}:{}]", ::std::file!(), ::std::line!(), ::std::column!())
    };
    ($value:expr $(,)?) => {
        // A `match`, so that temporaries of the expression live as long as in the statement alone.
        match $value {
            value => {
                $crate::eprintln!(
                    "[{}:{}:{}] {} = {:#?}",
                    ::std::file!(),
                    ::std::line!(),
                    ::std::column!(),
                    ::std::stringify!($value),
                    &value as &dyn ::std::fmt::Debug
                );
                value
            }
        }
    };
    ($($value:expr),+ $(,)?) => { ($($crate::dbg!($value)),+,) };
}

#[doc(hidden)]
pub fn _print(text: fmt::Arguments<'_>) {
    if let Err(error) = stdout().write_fmt(text) {
        panic!("failed printing to stdout: {error}");
    }
}

#[doc(hidden)]
pub fn _eprint(text: fmt::Arguments<'_>) {
    if let Err(error) = stderr().write_fmt(text) {
        panic!("failed printing to stderr: {error}");
    }
}
