//! Programs that use all functions, misuse them, and are killed in each wait.

use crate::toolchain::{Linkage, compile, folder, run, succeed};
use std::process::Command;

#[test]
fn a_program_uses_every_function() {
    for linkage in [Linkage::Static, Linkage::Dynamic] {
        assert_eq!(run(&compile("all.c", linkage), &[]), "all is well\n", "{linkage:?}");
    }
}

#[test]
fn what_is_misused_says_so() {
    for linkage in [Linkage::Static, Linkage::Dynamic] {
        assert_eq!(run(&compile("misuse.c", linkage), &[]), "all is well\n", "{linkage:?}");
    }
}

#[test]
fn a_kill_ends_each_wait_and_loses_nothing() {
    let program = compile("kills.c", Linkage::Dynamic);
    // With one, whoever blocks it is noticed by everybody.
    for workers in ["1", "3"] {
        assert_eq!(run(&program, &[workers]), "all is well\n", "{workers} workers");
    }
}

/// C80: runtimes come and go in a loop, and leave nothing behind.
#[test]
fn what_was_begun_and_ended_leaves_nothing() {
    for linkage in [Linkage::Static, Linkage::Dynamic] {
        assert_eq!(run(&compile("churn.c", linkage), &[]), "all is well\n", "{linkage:?}");
    }
}

/// No symbol of Rust's, and none of the C library's, is taken away from the program.
#[test]
fn the_shared_library_exports_its_own_functions_only() {
    let library = std::env::current_exe().expect("this test runs");
    let library = library.with_file_name("libgreenstd_capi.so");
    let output = succeed(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
    let text = String::from_utf8(output.stdout).expect("it is text");
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    assert!(names.contains(&"gs_runtime_create"), "{names:?}");
    let others: Vec<_> = names.iter().filter(|name| !name.starts_with("gs_")).collect();
    // By the second gdb finds the green threads.
    let known = ["rust_eh_personality", "GREENSTD_ANCHOR"];
    assert!(others.iter().all(|name| known.contains(name)), "{others:?}");
}

/// Without a program around it, and without what glibc shows only to those who ask.
#[test]
fn the_header_stands_by_itself() {
    for standard in ["-std=c99", "-std=c11", "-std=c17"] {
        succeed(
            Command::new("cc")
                .args([standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"])
                .args(["-x", "c"])
                .arg(folder().join("include/greenstd.h")),
        );
    }
}

#[test]
fn the_header_is_cxx_too() {
    for standard in ["-std=c++11", "-std=c++20"] {
        succeed(
            Command::new("g++")
                .args([standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"])
                .arg("-I")
                .arg(folder().join("include"))
                .arg(folder().join("tests/c/cxx.cpp")),
        );
    }
}

#[test]
fn the_example_compiles() {
    compile("../examples/c/echo.c", Linkage::Dynamic);
}
