//! Random numbers for stress tests, from a seed that is printed.
#![allow(dead_code, reason = "not every program that shares this file uses every function")]

use std::time::SystemTime;

/// The splitmix generator of Steele, Lea and Flood.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From `GREENSTD_TEST_SEED` if that is set, else from the clock. Prints the seed, which the
    /// test harness shows if the test fails.
    pub fn from_environment() -> Random {
        let seed = std::env::var("GREENSTD_TEST_SEED").map_or_else(
            |_| SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
            |seed| seed.parse().expect("a number"),
        );
        println!("GREENSTD_TEST_SEED={seed}");
        Random(seed)
    }

    pub fn new(seed: u64) -> Random {
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
