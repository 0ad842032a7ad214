//! Messages that show whose they are and that they arrived whole.

/// The size of a message on the wire.
pub const MESSAGE_BYTES: usize = 64;

/// The words of a message; the last one is the checksum of the others.
const WORDS: usize = MESSAGE_BYTES / 8;

/// A message: the connection, the round, words that follow from both, a checksum.
pub type Message = [u8; MESSAGE_BYTES];

/// The request of a connection in a round. No two are equal.
pub fn request(connection: u64, round: u64) -> Message {
    let mut words = [0; WORDS];
    words[0] = connection;
    words[1] = round;
    for index in 2..WORDS - 1 {
        words[index] = mix(words[index - 1] ^ words[index - 2].rotate_left(17));
    }
    seal(words)
}

/// The one right answer to a request.
///
/// # Panics
///
/// If the request did not arrive whole.
pub fn answer(request: &Message) -> Message {
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(request.chunks_exact(8)) {
        *word = u64::from_ne_bytes(bytes.try_into().unwrap());
    }
    assert_eq!(seal(words), *request, "a request was torn");
    words.iter_mut().for_each(|word| *word = !*word);
    seal(words)
}

fn seal(mut words: [u64; WORDS]) -> Message {
    let (checksum, content) = words.split_last_mut().unwrap();
    *checksum = content.iter().fold(0, |sum, &word| mix(sum ^ word));
    let mut message = [0; MESSAGE_BYTES];
    for (bytes, word) in message.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    message
}

/// SplitMix64's finish: each bit of the input changes half of the output's.
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}
