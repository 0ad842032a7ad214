//! Whether a client's copy is good, and whether a range of it fits: RFC 9110, section 13.

use std::time::SystemTime;

use ::http::{HeaderMap, HeaderName, header};

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether the client has the file as it is.
pub(super) fn is_unchanged(headers: &HeaderMap, tag: &str, modified: SystemTime) -> bool {
    // With tags, dates do not count.
    if headers.contains_key(header::IF_NONE_MATCH) {
        let mut tags = headers.get_all(header::IF_NONE_MATCH).iter();
        return tags.any(|value| value.to_str().is_ok_and(|tags| names(tags, tag)));
    }
    let since = text(headers, header::IF_MODIFIED_SINCE);
    let since = since.and_then(|date| httpdate::parse_http_date(date).ok());
    since.is_some_and(|since| modified <= since)
}

/// Whether a list of tags names one, by the weak comparison.
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

/// Whether a range would be one of what the client has the rest of.
pub(super) fn is_range_wanted(headers: &HeaderMap, tag: &str, modified: SystemTime) -> bool {
    match text(headers, header::IF_RANGE) {
        None => true,
        // The strong comparison, for tags and dates alike.
        Some(own) if own.starts_with('"') => own == tag,
        Some(own) => httpdate::parse_http_date(own).is_ok_and(|date| date == modified),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_range_wanted, is_unchanged};
    use ::http::{HeaderMap, header};
    use std::time::{Duration, SystemTime};

    const TAG: &str = "\"a-1\"";

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_tag_counts_more_than_a_date() {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let date = httpdate::fmt_http_date(modified);
        let old = httpdate::fmt_http_date(modified - Duration::from_secs(1));
        for tags in ["\"a-1\"", "W/\"a-1\"", "\"b\", \"a-1\"", "*"] {
            assert!(is_unchanged(&with(header::IF_NONE_MATCH, tags), TAG, modified), "{tags}");
        }
        assert!(is_unchanged(&with(header::IF_MODIFIED_SINCE, &date), TAG, modified));
        assert!(!is_unchanged(&with(header::IF_MODIFIED_SINCE, &old), TAG, modified));
        assert!(!is_unchanged(&with(header::IF_MODIFIED_SINCE, "yesterday"), TAG, modified));
        let mut both = with(header::IF_MODIFIED_SINCE, &date);
        both.insert(header::IF_NONE_MATCH, "\"other\"".parse().unwrap());
        assert!(!is_unchanged(&both, TAG, modified));
    }

    #[test]
    fn a_range_fits_only_what_has_not_changed() {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let date = httpdate::fmt_http_date(modified);
        assert!(is_range_wanted(&HeaderMap::new(), TAG, modified));
        assert!(is_range_wanted(&with(header::IF_RANGE, TAG), TAG, modified));
        assert!(is_range_wanted(&with(header::IF_RANGE, &date), TAG, modified));
        for stale in ["\"b\"", "W/\"a-1\"", "Thu, 01 Jan 1970 00:00:00 GMT"] {
            assert!(!is_range_wanted(&with(header::IF_RANGE, stale), TAG, modified), "{stale}");
        }
    }
}
