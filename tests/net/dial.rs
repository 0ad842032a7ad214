//! Dials.
