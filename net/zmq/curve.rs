//! Keys for encrypted connections, and their form as text.

use std::fmt;
use std::io;
use std::str::FromStr;

use super::error::io_error;

/// A public or a secret key of CURVE (ZeroMQ specification 26), 32 bytes.
///
/// Parses from and displays as Z85, 40 characters (specification 32).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CurveKey(pub(super) [u8; 32]);

/// A public key and the secret key that belongs to it.
///
/// # Examples
///
/// ```
/// use greenstd_net::zmq::{self, Context, CurveKeyPair, SocketType};
///
/// if zmq::has("curve") {
///     let (server, client) = (CurveKeyPair::new()?, CurveKeyPair::new()?);
///     let context = Context::new();
///     let bound = context.socket(SocketType::Pull)?;
///     bound.set_curve_server(&server.secret)?;
///     bound.bind("tcp://127.0.0.1:*")?;
///     let connected = context.socket(SocketType::Push)?;
///     connected.set_curve_client(&server.public, &client)?;
///     connected.connect(&bound.last_endpoint()?)?;
///     connected.send("secret")?;
///     assert_eq!(bound.recv()?, "secret");
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CurveKeyPair {
    /// Everybody may know it.
    pub public: CurveKey,
    /// Only its owner may know it.
    pub secret: CurveKey,
}

/// What is no key in Z85.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseCurveKeyError;

/// The characters of Z85, in the order of their values.
const DIGITS: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

impl CurveKeyPair {
    /// Makes a pair of keys by chance.
    ///
    /// # Errors
    ///
    /// `Unsupported` if libzmq was built without CURVE.
    pub fn new() -> io::Result<CurveKeyPair> {
        let pair = ::zmq::CurveKeyPair::new().map_err(io_error)?;
        Ok(CurveKeyPair { public: CurveKey(pair.public_key), secret: CurveKey(pair.secret_key) })
    }
}

impl CurveKey {
    /// The key as bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl From<[u8; 32]> for CurveKey {
    fn from(bytes: [u8; 32]) -> CurveKey {
        CurveKey(bytes)
    }
}

impl fmt::Display for CurveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(40);
        for chunk in self.0.as_chunks::<4>().0 {
            let value = u32::from_be_bytes(*chunk);
            for place in [85_u32.pow(4), 85_u32.pow(3), 85_u32.pow(2), 85, 1] {
                text.push(char::from(DIGITS[(value / place % 85) as usize]));
            }
        }
        f.pad(&text)
    }
}

/// Secret keys are not for logs.
impl fmt::Debug for CurveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurveKey").finish_non_exhaustive()
    }
}

impl FromStr for CurveKey {
    type Err = ParseCurveKeyError;

    fn from_str(text: &str) -> Result<CurveKey, ParseCurveKeyError> {
        let (chunks, []) = text.as_bytes().as_chunks::<5>() else { return Err(ParseCurveKeyError) };
        let mut key = [0; 32];
        if chunks.len() * 4 != key.len() {
            return Err(ParseCurveKeyError);
        }
        for (chunk, bytes) in chunks.iter().zip(key.as_chunks_mut::<4>().0) {
            let value = chunk.iter().try_fold(0_u32, |value, digit| {
                let digit = DIGITS.iter().position(|known| known == digit)?;
                value.checked_mul(85)?.checked_add(u32::try_from(digit).ok()?)
            });
            *bytes = value.ok_or(ParseCurveKeyError)?.to_be_bytes();
        }
        Ok(CurveKey(key))
    }
}

impl fmt::Display for ParseCurveKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key is 40 characters of Z85")
    }
}

impl std::error::Error for ParseCurveKeyError {}
