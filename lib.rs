//! Green threads with the API of std.
