//! Random numbers for stress tests, from a seed that is printed.

use std::time::{SystemTime, UNIX_EPOCH};

/// The splitmix generator of Steele, Lea and Flood.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From `STRESS_SEED` if that is set, else from the clock. Prints the seed, which the test
    /// harness shows if the test fails.
    pub fn from_environment() -> Random {
        let given = std::env::var("STRESS_SEED").ok().map(|text| text.parse().expect("a number"));
        let seed = given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
            now.as_nanos() as u64
        });
        println!("STRESS_SEED={seed}");
        Random(seed)
    }

    /// A generator of its own for another thread.
    pub fn fork(&mut self) -> Random {
        Random(self.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
