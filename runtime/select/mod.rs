//! Waiting for the first of several things.
