//! A key is known by the number that is stored in it, so a constant, of which there is a copy at
//! each use, is none.

use greenstd::local::LocalKey;

const KEY: LocalKey<u32> = LocalKey::new(|| 0);

fn main() {
    KEY.with(|_| ());
}
