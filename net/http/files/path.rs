//! From the path of a URI to that of a file.

/// The path below the folder that a request's path names, without a slash at either end. None if it
/// names nothing that may be served.
pub(super) fn below_root(path: &str) -> Option<String> {
    let mut names = Vec::new();
    for part in path.strip_prefix('/').unwrap_or(path).split('/') {
        let name = decode(part)?;
        match name.as_str() {
            "" | "." => {}
            // Hidden, the folder above, or what another system takes for a separator.
            _ if name.starts_with('.') && name != ".well-known" => return None,
            _ if name.contains(['/', '\\', '\0']) => return None,
            _ => names.push(name),
        }
    }
    Some(names.join("/"))
}

/// Replaces each `%` and two digits by the byte that they stand for. None if that is not UTF-8, or
/// no digits follow.
fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::below_root;

    #[test]
    fn paths_are_decoded_once_and_normalized() {
        let named = [
            ("/", ""),
            ("/a", "a"),
            ("//a///b/", "a/b"),
            ("/./a", "a"),
            ("/a%20b/%C3%A9", "a b/é"),
            ("/%2525", "%25"),
            ("/.well-known/x", ".well-known/x"),
        ];
        for (path, expected) in named {
            assert_eq!(below_root(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_would_leave_the_folder_names_nothing() {
        let refused = [
            "/..",
            "/../a",
            "/a/../../b",
            "/%2e%2e/a",
            "/.%2E/a",
            "/a%2fb",
            "/..%5ca",
            "/a\\b",
            "/%00",
            "/.git/config",
            "/%zz",
            "/%",
            "/%f",
            "/%ff",
        ];
        for path in refused {
            assert_eq!(below_root(path), None, "{path}");
        }
    }
}
