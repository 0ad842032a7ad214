//! The part of a file that a client asks for: RFC 9110, section 14.

use ::http::{HeaderMap, header};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// None was asked for, or something that may be passed over.
    Whole,
    Part {
        first: u64,
        count: u64,
    },
    /// Nothing of what was asked for is there.
    Beyond,
}

/// What the headers ask for of a file that is `length` bytes long.
pub(super) fn wanted(headers: &HeaderMap, length: u64) -> Range {
    let value = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    value.and_then(|value| parse(value, length)).unwrap_or(Range::Whole)
}

/// None for what is malformed, of another unit, or several ranges: all of these may be passed over.
fn parse(value: &str, length: u64) -> Option<Range> {
    let (unit, range) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| -> Option<u64> {
        // Without a sign, which `parse` would take.
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    if first.is_empty() {
        let count = number(last)?.min(length);
        return Some(match count {
            0 => Range::Beyond,
            _ => Range::Part { first: length - count, count },
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(match length.checked_sub(1) {
        Some(end) if first <= end => Range::Part { first, count: last.min(end) - first + 1 },
        _ => Range::Beyond,
    })
}

#[cfg(test)]
mod tests {
    use super::{Range, parse};

    #[test]
    fn ranges_are_those_of_the_standard() {
        let part = |first, count| Some(Range::Part { first, count });
        let asked = [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-5", part(2, 4)),
            ("bytes=5-", part(5, 5)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-30", part(0, 10)),
            ("bytes=0-99999999999999999999999", part(0, 10)),
            ("Bytes = 9-9", part(9, 1)),
            ("bytes=10-", Some(Range::Beyond)),
            ("bytes=99999999999999999999999-", Some(Range::Beyond)),
            ("bytes=-0", Some(Range::Beyond)),
            ("bytes=5-2", None),
            ("bytes=1-2,4-5", None),
            ("bytes=-", None),
            ("bytes=+1-2", None),
            ("bytes=a-b", None),
            ("lines=1-2", None),
            ("nonsense", None),
        ];
        for (value, expected) in asked {
            assert_eq!(parse(value, 10), expected, "{value}");
        }
        assert_eq!(parse("bytes=0-0", 0), Some(Range::Beyond));
    }
}
