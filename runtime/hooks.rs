//! What a crate that hooks the C library's blocking calls asks of the runtime.
//!
//! For `greenstd-interpose`, and whoever hooks further calls: a hook looks at [`is_cooperative`],
//! makes the kernel's own call if it is not so, and otherwise parks by what this crate offers,
//! [`Inside`]. Programs call `greenstd::patch::install` instead.

pub use crate::engine::{
    Inside, Unwound, are_hooks_installed as is_installed, catch_end, install_hooks as install,
    install_hooks_for_all as install_for_all, is_cooperative,
};
