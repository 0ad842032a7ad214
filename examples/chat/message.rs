//! Messages: what clients send, with its limits, and what they get.

use std::fmt;

use greenstd::net::ws::Utf8Bytes;
use serde_json::{Value, json};

const NAME_CHARS_MAX: usize = 40;
const TEXT_CHARS_MAX: usize = 2_000;

/// What a client says: the JSON of `name` and `text`, both within their limits.
#[derive(Clone, Debug)]
pub struct Said(String);

/// A message that all clients get.
#[derive(Clone, Debug)]
pub struct Message {
    /// When it was sent, in microseconds since 1970, and made unique by the bus: later messages
    /// have higher numbers, also those after a restart. Exact in JSON until the year 2255.
    pub number: u64,
    /// As it is sent; made once, and shared by all who send it.
    pub json: Utf8Bytes,
}

/// Why a client may not say that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    NotJson,
    NoField(&'static str),
    Empty(&'static str),
    TooLong(&'static str, usize),
    ControlCharacters(&'static str),
}

impl Said {
    pub fn parse(bytes: &[u8]) -> Result<Said, Refusal> {
        let value: Value = serde_json::from_slice(bytes).map_err(|_| Refusal::NotJson)?;
        let name = field(&value, "name", NAME_CHARS_MAX)?;
        let text = field(&value, "text", TEXT_CHARS_MAX)?;
        if name.contains(char::is_control) {
            return Err(Refusal::ControlCharacters("name"));
        }
        // A text has lines.
        if text.contains(|one: char| one.is_control() && one != '\n') {
            return Err(Refusal::ControlCharacters("text"));
        }
        Ok(Said(json!({ "name": name, "text": text }).to_string()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn field<'v>(value: &'v Value, name: &'static str, most: usize) -> Result<&'v str, Refusal> {
    let content = value[name].as_str().ok_or(Refusal::NoField(name))?.trim();
    match content.chars().count() {
        0 => Err(Refusal::Empty(name)),
        count if count > most => Err(Refusal::TooLong(name, most)),
        _ => Ok(content),
    }
}

impl Message {
    pub fn new(number: u64, said: &Said) -> Message {
        let json = format!(r#"{{"number":{number},"said":{}}}"#, said.as_str());
        Message { number, json: json.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotJson => formatter.write_str("a message is a JSON object"),
            Refusal::NoField(name) => write!(formatter, "a message has a string `{name}`"),
            Refusal::Empty(name) => write!(formatter, "the {name} is empty"),
            Refusal::TooLong(name, most) => {
                write!(formatter, "the {name} has more than {most} characters")
            }
            Refusal::ControlCharacters(name) => {
                write!(formatter, "the {name} has control characters")
            }
        }
    }
}
