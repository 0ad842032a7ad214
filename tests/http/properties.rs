//! What is parsed here, and not by hyper, on a great many random inputs: paths, ranges and
//! conditions of static files; and the way of requests through a server, cut up at random.
//!
//! These are what fuzz targets would be. `cargo fuzz` needs a nightly compiler; a seeded generator
//! that knows the grammar finds the odd corners of such small parsers as well, on stable Rust, in
//! each run of the tests.

use crate::fixture::serve;
use crate::random::Random;
use greenstd::net::http::{HeaderValue, Method, Request, RequestBody, StaticFiles, StatusCode};
use greenstd::net::http::{Response, header};
use std::io;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const CASES: usize = 20_000;

/// How long the one file is that must never be sent, and those that may be.
const SECRET_BYTES: u64 = 7_777;
const PAGE_BYTES: u64 = 11;
const FILE_BYTES: u64 = 1_000;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("greenstd-{name}-{}", std::process::id()));
        let root = folder.join("root");
        std::fs::create_dir_all(root.join("inner")).unwrap();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        let secret = vec![b's'; SECRET_BYTES as usize];
        for place in ["secret", "root/.hidden", "root/.git/config"] {
            std::fs::write(folder.join(place), &secret).unwrap();
        }
        for place in ["root/index.html", "root/inner/index.html"] {
            std::fs::write(folder.join(place), vec![b'p'; PAGE_BYTES as usize]).unwrap();
        }
        std::fs::write(root.join("file"), vec![b'f'; FILE_BYTES as usize]).unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink(folder.join("secret"), root.join("inner/far")).unwrap();
        symlink("..", root.join("up")).unwrap();
        Folder(folder)
    }

    fn files(&self) -> StaticFiles {
        StaticFiles::new(self.0.join("root")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn request() -> Request {
    Request::new(RequestBody::from(""))
}

fn pick<'a>(random: &mut Random, pieces: &[&'a str]) -> &'a str {
    pieces[random.below(pieces.len() as u64) as usize]
}

/// The value of a header, without its line end.
fn text(response: &Response, name: header::HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().unwrap().to_owned())
}

/// Whatever a path says: what it names is one of the files of the folder, or not there.
#[test]
fn no_path_leaves_the_folder() {
    let pieces = [
        "/",
        "//",
        "/",
        "/",
        ".",
        "..",
        "...",
        "%2e",
        "%2E%2e",
        "%2f",
        "%5c",
        "\\",
        "%00",
        "%",
        "%2",
        "%zz",
        "%25",
        "%252e",
        "secret",
        "root",
        "file",
        "inner",
        "index.html",
        "out",
        "up",
        "far",
        ".hidden",
        ".git",
        "config",
        ".well-known",
        "é",
        "%C3%A9",
        "%ff",
        " ",
        "?",
        "#",
        "~",
        ":",
        "\u{202e}",
        "%ef%bc%8f",
        "%c0%af",
        "etc",
        "passwd",
        "proc",
        "self",
        "root",
    ];
    let folder = Folder::new("properties-paths");
    let files = folder.files();
    let mut random = Random::from_environment();
    let mut found = 0;
    for _ in 0..CASES {
        let mut path = String::new();
        for _ in 0..=random.below(9) {
            path.push_str(pick(&mut random, &pieces));
        }
        let response = files.serve_path(&request(), &path);
        let length = response.body().length();
        match response.status() {
            StatusCode::OK => {
                found += 1;
                assert!([Some(PAGE_BYTES), Some(FILE_BYTES)].contains(&length), "{path:?}");
            }
            StatusCode::MOVED_PERMANENTLY => {
                let place = text(&response, header::LOCATION).unwrap_or_default();
                let is_here = !place.starts_with("//") && !place.starts_with("/\\");
                assert!(place.is_empty() || place.starts_with('/') && is_here, "{path:?}");
            }
            status => assert_eq!(status, StatusCode::NOT_FOUND, "{path:?}"),
        }
    }
    assert!(found > CASES / 100, "the generator finds {found} files only");
}

/// What RFC 9110, section 14, has of one range: the first byte and how many, none for a range that
/// is not there. Written for numbers alone, which is why it is short.
fn model(first: Option<u64>, last: Option<u64>, length: u64) -> Option<(u64, u64)> {
    let (first, end) = match (first, last) {
        (Some(first), last) => (first, last.map_or(length, |last| (last + 1).min(length))),
        (None, Some(count)) => (length - count.min(length), length),
        (None, None) => unreachable!("there is one of both"),
    };
    (first < end).then(|| (first, end - first))
}

#[test]
fn ranges_are_those_of_the_model() {
    let folder = Folder::new("properties-ranges");
    let files = folder.files();
    let mut random = Random::from_environment();
    for _ in 0..CASES {
        let near = [0, 1, FILE_BYTES - 1, FILE_BYTES, FILE_BYTES + 1, u64::from(u32::MAX)];
        let mut number = || match random.below(2) {
            0 => near[random.below(near.len() as u64) as usize],
            _ => random.below(2 * FILE_BYTES),
        };
        let (one, other) = (number(), number());
        let (first, last) = match random.below(3) {
            0 => (Some(one), None),
            1 => (None, Some(one)),
            _ => (Some(one.min(other)), Some(one.max(other))),
        };
        let shown = |number: Option<u64>| number.map_or(String::new(), |one| one.to_string());
        let range = format!("bytes={}-{}", shown(first), shown(last));
        let mut request = request();
        request.headers_mut().insert(header::RANGE, HeaderValue::try_from(&range).unwrap());
        let response = files.serve_path(&request, "/file");
        let told = text(&response, header::CONTENT_RANGE).unwrap();
        match model(first, last, FILE_BYTES) {
            Some((first, count)) => {
                assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
                assert_eq!(response.body().length(), Some(count), "{range}");
                assert_eq!(told, format!("bytes {first}-{}/{FILE_BYTES}", first + count - 1));
            }
            None => {
                assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
                assert_eq!(told, format!("bytes */{FILE_BYTES}"));
            }
        }
    }
}

/// Whatever the headers say: the whole file, a part that is as long as it says, or a reason.
#[test]
fn odd_headers_get_no_odd_answers() {
    let pieces = [
        "bytes",
        "=",
        "-",
        "0",
        "9",
        "999",
        "1000",
        "18446744073709551615",
        "18446744073709551616",
        ",",
        " ",
        "\t",
        "W/",
        "\"",
        "*",
        "\"a\"",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "items",
        "+",
        "%",
        "Fri, 32 Foo 20000 99:99:99 GMT",
        "\u{00ff}",
    ];
    let names = [header::RANGE, header::IF_RANGE, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE];
    let folder = Folder::new("properties-headers");
    let files = folder.files();
    let mut random = Random::from_environment();
    for _ in 0..CASES {
        let mut request = request();
        if random.below(8) == 0 {
            *request.method_mut() = Method::HEAD;
        }
        for _ in 0..=random.below(3) {
            let mut value = String::new();
            for _ in 0..random.below(6) {
                value.push_str(pick(&mut random, &pieces));
            }
            let name = names[random.below(names.len() as u64) as usize].clone();
            request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let response = files.serve_path(&request, "/file");
        let length = response.body().length().unwrap();
        let told = text(&response, header::CONTENT_RANGE);
        match response.status() {
            StatusCode::OK => assert_eq!((length, told), (FILE_BYTES, None)),
            StatusCode::NOT_MODIFIED => assert_eq!((length, told), (0, None)),
            StatusCode::RANGE_NOT_SATISFIABLE => assert_eq!(length, 0),
            status => {
                assert_eq!(status, StatusCode::PARTIAL_CONTENT, "{:?}", request.headers());
                let told = told.unwrap();
                let (first, last) = told.strip_prefix("bytes ").unwrap().split_once('-').unwrap();
                let last = last.strip_suffix("/1000").unwrap();
                let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
                assert!(first <= last && last < FILE_BYTES && length == last - first + 1, "{told}");
            }
        }
    }
}

/// A request, its body put together, and what is sent for it.
fn random_request(random: &mut Random, number: u64) -> (String, Vec<u8>) {
    let path = format!("/{number}");
    let body: String =
        (0..random.below(300)).map(|_| pick(random, &["a", "\r", "\n", "0"])).collect();
    let blank = pick(random, &["", "\r\n"]);
    let (head, sent) = match random.below(3) {
        0 => {
            return (
                format!("{path} "),
                format!("{blank}GET {path} HTTP/1.1\r\nhost: t\r\n\r\n").into(),
            );
        }
        1 => (format!("content-length: {}", body.len()), body.clone()),
        _ => {
            let mut sent = String::new();
            let mut rest = body.as_str();
            while !rest.is_empty() {
                let (chunk, others) = rest.split_at(1 + random.below(rest.len() as u64) as usize);
                let extension = pick(random, &["", ";x", ";x=y", ";x=\"y\""]);
                sent.push_str(&format!("{:x}{extension}\r\n{chunk}\r\n", chunk.len()));
                rest = others;
            }
            let trailer = pick(random, &["", "x-trailer: yes\r\n"]);
            ("transfer-encoding: chunked".to_owned(), format!("{sent}0\r\n{trailer}\r\n"))
        }
    };
    let request = format!("{blank}POST {path} HTTP/1.1\r\nhost: t\r\n{head}\r\n\r\n{sent}");
    (format!("{path} {body}"), request.into_bytes())
}

/// Requests in a row are answered in a row, however they are framed and wherever they are cut.
#[test]
fn requests_are_the_same_wherever_they_are_cut() {
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let served = serve(
            workers,
            |builder| builder,
            |mut request: Request| -> io::Result<String> {
                let body = request.body_mut().read_all()?;
                Ok(format!("{} {}", request.uri().path(), String::from_utf8_lossy(&body)))
            },
        );
        for _ in 0..200 {
            let requests: Vec<_> =
                (0..=random.below(5)).map(|number| random_request(&mut random, number)).collect();
            let mut client = served.client();
            client.stream().set_nodelay(true).unwrap();
            let sent: Vec<u8> = requests.iter().flat_map(|(_, sent)| sent).copied().collect();
            let mut rest = &sent[..];
            while !rest.is_empty() {
                let (piece, others) = rest.split_at(1 + random.below(rest.len() as u64) as usize);
                client.send(piece);
                if random.below(2) == 0 {
                    std::thread::yield_now();
                }
                rest = others;
            }
            for (expected, _) in requests {
                let answer = client.answer();
                assert_eq!((answer.status, answer.text()), (200, expected.as_str()));
            }
        }
    }
}
