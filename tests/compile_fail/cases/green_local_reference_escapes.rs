//! The value ends with its green thread, so no reference to it may leave the call of `with`.

use std::cell::Cell;

greenstd::green_local!(static NUMBER: Cell<u32> = const { Cell::new(0) });

fn main() {
    let number: &'static Cell<u32> = NUMBER.with(|number| number);
    number.set(1);
}
