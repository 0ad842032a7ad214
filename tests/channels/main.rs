//! Laws of channels: the MPMC ones and std's `mpsc`, on green threads and OS threads.

#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod ending;
mod errors;
mod hand_over;
mod mpsc;
mod stress;
mod surface;
mod timers;
