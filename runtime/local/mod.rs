//! Values of a green thread: its own, and those that it inherits.
