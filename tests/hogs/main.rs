//! Laws of green threads that hold their workers, and of those beside them that have thread-locals
//! of their own: a hog costs a processor, as a thread would, and stops nobody.
#![allow(unsafe_code, reason = "children are traced and signalled")]

#[path = "../common/child.rs"]
mod child;
#[path = "../common/flavour.rs"]
#[allow(dead_code, unused_macros, reason = "of the flavours, only the watchdog is used")]
mod flavour;
#[path = "../common/random.rs"]
mod random;
mod scene;

mod echo;
mod ending;
mod idle;
mod spares;
mod stress;
mod timers;
