//! The header is what cbindgen makes of the sources.

use crate::toolchain::{folder, read};
use std::fs;

/// The sources that have something for C, in the order in which the header is to be read.
const SOURCES: &[&str] = &[
    "config.rs",
    "runtime.rs",
    "thread.rs",
    "local.rs",
    "stream.rs",
    "datagram.rs",
    "connection.rs",
    "poll.rs",
    "pool.rs",
    "channel.rs",
    "mutex.rs",
    "condition.rs",
    "semaphore.rs",
    "dump.rs",
];

fn generate() -> String {
    let config = cbindgen::Config::from_file(folder().join("cbindgen.toml")).expect("it is valid");
    let mut builder = cbindgen::Builder::new()
        .with_config(config)
        .with_header(read("head.h").trim_end())
        .with_trailer(read("foot.h").trim_end());
    for source in SOURCES {
        builder = builder.with_src(folder().join(source));
    }
    let mut text = Vec::new();
    builder.generate().expect("cbindgen understands the sources").write(&mut text);
    String::from_utf8(text).expect("it is text")
}

/// Every function that the library exports.
fn exported() -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder()).expect("the crate has a folder") {
        let path = entry.expect("it can be read").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path).expect("it is text");
            let functions = text.split("#[unsafe(no_mangle)]").skip(1);
            names.extend(functions.map(|function| {
                let name = function.split_once("fn ").expect("a function follows").1;
                name.split_once('(').expect("it has arguments").0.to_owned()
            }));
        }
    }
    names
}

#[test]
fn the_header_is_what_the_sources_say() {
    let path = folder().join("include/greenstd.h");
    let text = generate();
    if std::env::var_os("GREENSTD_HEADER").is_some_and(|wish| wish == "overwrite") {
        fs::write(&path, &text).expect("the header can be written");
    }
    let header = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        header == text,
        "include/greenstd.h has drifted: run this test with GREENSTD_HEADER=overwrite"
    );
}

#[test]
fn every_function_stands_in_the_header_with_a_comment() {
    let text = read("include/greenstd.h");
    let (_, header) = text.split_once("#include").expect("the head comes before");
    let names = exported();
    assert!(names.len() > 50, "the sources were not found");
    for name in names {
        let at = header.find(&format!(" {name}(")).or_else(|| header.find(&format!("*{name}(")));
        let before = &header[..at.unwrap_or_else(|| panic!("{name} is not in the header"))];
        let line = before.lines().rev().nth(1).unwrap_or_default();
        assert!(line.trim_end().ends_with("*/"), "{name} has no comment: {line}");
    }
}

/// A program that uses every function would not notice one that was forgotten there.
#[test]
fn the_program_that_uses_all_uses_all() {
    let program = read("tests/c/all.c");
    let missing: Vec<String> =
        exported().into_iter().filter(|name| !program.contains(&format!("{name}("))).collect();
    assert!(missing.is_empty(), "all.c does not call {missing:?}");
}
