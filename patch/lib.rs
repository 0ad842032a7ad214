//! Holds nothing yet: the place of `greenstd::patch`, the mirror of std.
//!
//! A later version puts here a module `std` in which every item of std that may block is replaced
//! by greenstd's, which parks the green thread instead, and every other item is re-exported, so
//! that `use greenstd::patch::std;` at the top of a file ports that file. Beside it,
//! `patch/interpose` will define the C library's blocking calls for code that cannot be edited.
//!
//! Until then, a program is ported by naming greenstd's own items: `greenstd::thread` and
//! `greenstd::net` have the names and signatures of std's.
