//! A value lives as long as its green thread, which may be longer than anything that it borrows.

use std::cell::Cell;

fn keep<'a>(text: &'a str) {
    greenstd::green_local!(static TEXT: Cell<&'a str> = const { Cell::new("") });
    TEXT.set(text);
}

fn main() {
    keep(&String::from("gone"));
}
