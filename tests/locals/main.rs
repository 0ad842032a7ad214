//! Laws of the values of a green thread: its own, and those that it inherits.

#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;

mod as_in_std;
mod ending;
mod inherited;
mod own;
