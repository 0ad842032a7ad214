//! Laws of waits for the first of several things: `select!`, `Select`, `wait_any`; and for several
//! of them: `wait_some`, `wait_all`.

#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;

mod arms;
mod dynamic;
mod fair;
mod lossless;
mod readiness;
mod several;
mod things;
mod waiting;
