//! The mask of what a client sends, which keeps old proxies from taking it for HTTP.

use rand::Rng;

/// A mask that nobody can foresee: RFC 6455, 5.3.
pub(super) fn fresh() -> [u8; 4] {
    rand::rng().next_u32().to_ne_bytes()
}

/// Masks `bytes`, or unmasks them.
pub(super) fn apply(bytes: &mut [u8], mask: [u8; 4]) {
    // In words, which the compiler makes wider ones of.
    let word = u32::from_ne_bytes(mask);
    let mut words = bytes.chunks_exact_mut(4);
    for chunk in &mut words {
        let chunk: &mut [u8; 4] = chunk.try_into().expect("chunks are of this size");
        *chunk = (u32::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn each_byte_is_masked_by_its_place() {
        for length in 0..70 {
            let plain: Vec<u8> = (0..length).map(|at: u8| at.wrapping_mul(7)).collect();
            let mut masked = plain.clone();
            apply(&mut masked, [1, 20, 133, 255]);
            for (at, byte) in masked.iter().enumerate() {
                assert_eq!(*byte, plain[at] ^ [1, 20, 133, 255][at % 4], "at {at} of {length}");
            }
        }
    }
}
