//! What a crate that hooks the C library's blocking calls asks of the runtime.
//!
//! For `greenstd-interpose`, and whoever hooks further calls: a hook looks at [`is_cooperative`],
//! makes the kernel's own call if it is not so, and otherwise parks by what this crate offers,
//! [`Inside`]. Programs call `greenstd::patch::install` instead.

pub use crate::engine::hooks::{Inside, install, install_for_all, is_cooperative, is_installed};
