//! A latency histogram of fixed size: 32 buckets for each power of two, so within 3 %.

/// Buckets for each power of two.
const STEPS: u64 = 32;
/// Powers of two: up to about 73 minutes in nanoseconds.
const OCTAVES: u64 = 38;

/// Counts of nanoseconds.
#[derive(Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Histogram {
        Histogram { counts: vec![0; (STEPS * OCTAVES) as usize], total: 0, max: 0 }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
        self.max = 0;
    }

    /// Counts one latency.
    pub fn add(&mut self, nanos: u64) {
        let last = self.counts.len() - 1;
        self.counts[bucket(nanos).min(last)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The largest, exactly.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The upper end of the bucket in which the given share of all counts is reached.
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_end(index as u64).min(self.max);
            }
        }
        self.max
    }
}

/// Values below `STEPS` have a bucket each; above, the top five bits after the leading one choose.
fn bucket(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    let octave = nanos.ilog2() as u64 - STEPS.ilog2() as u64;
    ((octave + 1) * STEPS + (nanos >> octave) - STEPS) as usize
}

fn upper_end(bucket: u64) -> u64 {
    if bucket < STEPS {
        return bucket;
    }
    let octave = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS + 1) << octave) - 1
}
