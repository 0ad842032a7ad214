//! Rust source with everything blanked out that is not code.
//!
//! Comments and literals become spaces, so that line and column of what is left stay true. The
//! rules need no more of a parser than this: what they look for are words and paths.

/// Blanks comments and the literals of strings, bytes and characters.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => end_of_line(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => end_of_block(&chars, at),
            '"' => end_of_quoted(&chars, at, '"'),
            '\'' if is_character(&chars, at) => end_of_quoted(&chars, at, '\''),
            'r' if !continues_word(&chars, at) => match end_of_raw(&chars, at) {
                Some(end) => end,
                None => {
                    code.push('r');
                    at += 1;
                    continue;
                }
            },
            other => {
                code.push(other);
                at += 1;
                continue;
            }
        };
        code.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    code
}

fn end_of_line(chars: &[char], start: usize) -> usize {
    chars[start..].iter().position(|&c| c == '\n').map_or(chars.len(), |length| start + length)
}

/// Block comments nest.
fn end_of_block(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_quoted(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    chars.len().min(at + 1)
}

/// Tells `'a'` and `'\n'` from a lifetime.
fn is_character(chars: &[char], start: usize) -> bool {
    chars.get(start + 1) == Some(&'\\') || chars.get(start + 2) == Some(&'\'')
}

/// The end of the raw string whose `r` is at `start`; none if it starts a word or `r#name`.
fn end_of_raw(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|&&c| c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |at: usize| {
        chars[at] == '"'
            && chars[at + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
    };
    let close = (open + 1..chars.len()).find(|&at| closes(at));
    Some(close.map_or(chars.len(), |at| at + 1 + hashes))
}

/// Whether the character at `at` belongs to a word begun before it; `br` and `cr` prefix a string.
fn continues_word(chars: &[char], at: usize) -> bool {
    let is_word = |at: usize| chars[at].is_alphanumeric() || chars[at] == '_';
    match at.checked_sub(1) {
        Some(before) if matches!(chars[before], 'b' | 'c') => before > 0 && is_word(before - 1),
        Some(before) => is_word(before),
        None => false,
    }
}

/// Whether `line` holds `word` with no letter, digit or underscore beside it.
pub fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(is_word)
            && !line[at + word.len()..].chars().next().is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_keeps_its_place_and_the_rest_is_blank() {
        let text = "a /* b /* c */ d */ e // f\ng \"h\\\"i\" 'j' '\\'' &'k l \
                    r#\"m\"n\"# br\"o\" r#p for\"q\" s";
        let code = code_only(text);
        assert_eq!(code.chars().count(), text.chars().count());
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(words, ["a", "e", "g", "&'k", "l", "b", "r#p", "for", "s"]);
        assert_eq!(code.find('g'), text.find('g'));
    }

    #[test]
    fn an_open_literal_ends_with_the_file() {
        for text in ["a \"b", "a /* b", "a r#\"b\"", "a // b", "a '\\"] {
            assert_eq!(code_only(text).trim(), "a", "{text}");
        }
    }

    #[test]
    fn a_word_is_found_whole_or_not_at_all() {
        assert!(has_word("#[x] unsafe {", "unsafe"));
        assert!(has_word("unsafe_code unsafe", "unsafe"));
        assert!(!has_word("unsafe_code, not_unsafe", "unsafe"));
    }
}
