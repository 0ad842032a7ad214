//! Laws of `test::run`: the clock jumps, the order is the seed's, and nothing is left behind.
#![allow(unsafe_code, reason = "children set limits")]

#[path = "../common/child.rs"]
mod child;
#[allow(dead_code, unused_macros, reason = "of the flavours, only the watchdog is used")]
#[path = "../common/flavour.rs"]
mod flavour;

mod clock;
mod failures;
mod order;
mod outside;

use std::panic::{self, AssertUnwindSafe};

/// The text of the panic with which `body` ends.
fn panic_of(body: impl FnOnce()) -> String {
    let payload = panic::catch_unwind(AssertUnwindSafe(body)).expect_err("it panics");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a panic with a text")).to_owned(),
    }
}
