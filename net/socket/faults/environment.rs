//! The plan of the environment, and plans in words.

use std::env;
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use super::plan::{Fault, Plan};

/// Names the plan of the whole process.
const VARIABLE: &str = "GREENSTD_FAULTS";

/// Returns the plan of the environment variable `GREENSTD_FAULTS`, which holds for every thread
/// that is in no [`scope`](Plan::scope); `None` if the variable is not set.
///
/// It is read once, by the first call that asks.
///
/// # Panics
///
/// If the variable holds no plan.
#[must_use]
pub fn plan() -> Option<Plan> {
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    PLAN.get_or_init(read).clone()
}

fn read() -> Option<Plan> {
    let text = env::var_os(VARIABLE)?;
    match text.to_string_lossy().parse() {
        Ok(plan) => Some(plan),
        Err(error) => panic!("{VARIABLE}={} is no plan: {error}", text.display()),
    }
}

/// A text is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPlan(String);

impl fmt::Display for InvalidPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for InvalidPlan {}

/// Reads `seed=N,rate=PERMILLE,set=eintr+eagain+short`: any of the three, in any order. What is not
/// said is seed 0, the rate of [`Plan::new`], and all faults.
impl FromStr for Plan {
    type Err = InvalidPlan;

    fn from_str(text: &str) -> Result<Plan, InvalidPlan> {
        let (mut seed, mut rate, mut faults) = (0, None, Fault::ALL.to_vec());
        for part in text.split(',') {
            let (key, value) = part.split_once('=').ok_or_else(|| {
                InvalidPlan(format!("`{part}` is not one of seed=…, rate=…, set=…"))
            })?;
            match key {
                "seed" => seed = number(key, value, u64::MAX)?,
                "rate" => {
                    let most = u64::from(Plan::RATE_MAX_PERMILLE);
                    rate = Some(number(key, value, most)? as u32);
                }
                "set" => {
                    let named = |name| Fault::named(name).ok_or_else(|| unknown_fault(name));
                    faults = value.split('+').map(named).collect::<Result<_, _>>()?;
                }
                _ => return Err(InvalidPlan(format!("`{key}` is none of seed, rate and set"))),
            }
        }
        let plan = Plan::new(seed).only(&faults);
        Ok(match rate {
            Some(rate) => plan.rate(rate),
            None => plan,
        })
    }
}

fn number(key: &str, value: &str, most: u64) -> Result<u64, InvalidPlan> {
    match value.parse() {
        Ok(number) if number <= most => Ok(number),
        _ => Err(InvalidPlan(format!("{key} is a number up to {most}, not `{value}`"))),
    }
}

fn unknown_fault(name: &str) -> InvalidPlan {
    let known = Fault::ALL.map(Fault::name).join(", ");
    InvalidPlan(format!("`{name}` is no fault; there are {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_in_words_is_the_plan() {
        let words: Plan = "rate=30,set=eagain+short,seed=7".parse().unwrap();
        let plan = Plan::new(7).rate(30).only(&[Fault::Short, Fault::WouldBlock]);
        assert_eq!(words.to_string(), plan.to_string());
        assert_eq!("seed=3".parse::<Plan>().unwrap().to_string(), Plan::new(3).to_string());
    }

    #[test]
    fn nonsense_says_what_is_wrong() {
        for (text, what) in [
            ("", "`` is not one of"),
            ("seed", "`seed` is not one of"),
            ("seed=x", "seed is a number"),
            ("rate=901", "rate is a number up to 900, not `901`"),
            ("set=eintr+often", "`often` is no fault; there are eintr, eagain, short"),
            ("speed=1", "`speed` is none of"),
        ] {
            let error = text.parse::<Plan>().unwrap_err().to_string();
            assert!(error.starts_with(what), "{text}: {error}");
        }
    }
}
