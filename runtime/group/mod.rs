//! Groups and pools: green threads that are waited for, limited and ended together.
