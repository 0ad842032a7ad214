//! What a running system tells of itself.
//!
//! [`metrics`] are its figures, which cost nothing until somebody asks.

#[cfg(feature = "metrics")]
mod export;
mod metrics;

#[cfg(feature = "metrics")]
pub use self::export::{Exporter, Exporting, export_metrics};
pub use self::metrics::{Metrics, count_accept_error, metrics, stack_memory};
