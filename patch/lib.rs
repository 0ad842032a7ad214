//! Blocking code that was written for std, on green threads: `greenstd::patch`.
//!
//! [`mod@std`] is a mirror of std. A file that says `use greenstd::patch::std;` means greenstd's
//! items by its paths `std::…` wherever std's would block, and std's own wherever they would not.

// In this file `std::…` means the mirror; std itself is `::std`.
pub mod std;
