//! The server's own procedures: plain functions, each call on a green thread of its own, so that
//! one may block as it likes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use greenstd::thread;
use serde_json::{Value, json};

const NAMES: [&str; 4] = ["add", "echo", "sleep", "time"];

/// The longest sleep, in seconds.
const SLEEP_MAX: f64 = 20.0;

/// Whether the server has it, so that nobody else can.
pub fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Calls one of them.
pub fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    match (name, arguments) {
        ("add", numbers) => {
            let numbers = numbers.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
            let sum: f64 = numbers.ok_or("add takes numbers")?.iter().sum();
            // As a whole number where it is one, as who adds 1 and 2 expects.
            let is_whole = sum.fract() == 0.0 && sum.abs() < 9e15;
            Ok(if is_whole { json!(sum as i64) } else { json!(sum) })
        }
        ("echo", values) => Ok(json!(values)),
        ("sleep", [seconds]) => {
            let seconds = seconds.as_f64().filter(|seconds| (0.0..=SLEEP_MAX).contains(seconds));
            let seconds = seconds.ok_or("sleep takes a number of seconds, 20 at most")?;
            thread::sleep(Duration::from_secs_f64(seconds));
            Ok(Value::Null)
        }
        ("time", []) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            Ok(json!(now.map_err(|error| error.to_string())?.as_secs_f64()))
        }
        _ => Err(format!("{name} takes other arguments")),
    }
}
