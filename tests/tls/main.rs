//! Laws of TLS streams.
