//! Laws of static files.

use crate::client::Client;
use crate::fixture::{Served, serve};
use greenstd::net::http::{Request, StaticFiles};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// A folder with files, and a secret beside it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("greenstd-{name}-{}", std::process::id()));
        let root = folder.join("root");
        std::fs::create_dir_all(root.join("inner")).unwrap();
        std::fs::write(folder.join("secret"), "secret").unwrap();
        std::fs::write(root.join("index.html"), "<p>home").unwrap();
        std::fs::write(root.join("inner/index.html"), "<p>inner").unwrap();
        std::fs::write(root.join("digits.txt"), "0123456789").unwrap();
        std::fs::write(root.join("a b.bin"), vec![7; 200_000]).unwrap();
        std::fs::write(root.join(".hidden"), "hidden").unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink("digits.txt", root.join("link.txt")).unwrap();
        Folder(folder)
    }

    fn serve(&self) -> Served {
        let files = StaticFiles::new(self.0.join("root")).unwrap();
        serve(2, |builder| builder, move |request: Request| files.serve(&request))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn get_with(client: &mut Client, path: &str, header: &str) -> crate::client::Answer {
    client.send(format!("GET {path} HTTP/1.1\r\nhost: t\r\n{header}\r\n\r\n"));
    // A 304 has no body, whatever its length says.
    let answer = client.head();
    if answer.status == 304 {
        return answer;
    }
    client.rest_of(answer)
}

#[test]
fn files_are_sent_with_what_describes_them() {
    let folder = Folder::new("files-sent");
    let served = folder.serve();
    let mut client = served.client();
    let answer = client.get("/digits.txt");
    assert_eq!((answer.status, answer.text()), (200, "0123456789"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(answer.header("etag").is_some() && answer.header("last-modified").is_some());
    assert_eq!(client.get("/").text(), "<p>home");
    assert_eq!(client.get("/inner/").header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(client.get("/a%20b.bin").body, vec![7; 200_000]);
    assert_eq!(client.get("/link.txt").text(), "0123456789");
    client.send("HEAD /digits.txt HTTP/1.1\r\nhost: t\r\n\r\n");
    assert_eq!(client.head().header("content-length"), Some("10"));
    let answer = client.post("/digits.txt", b"");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("get, head")));
}

#[test]
fn nothing_outside_of_the_folder_is_served() {
    let folder = Folder::new("files-outside");
    let served = folder.serve();
    let mut client = served.client();
    let paths = [
        "/../secret",
        "/inner/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/..%5csecret",
        "/out",
        "/.hidden",
        "/none",
        "/digits.txt/",
        "/digits.txt/x",
        "//etc/passwd",
        "/%00",
    ];
    for path in paths {
        let answer = client.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("secret"));
    }
    assert_eq!(client.get(&format!("/{}", "a".repeat(300))).status, 404);
}

#[test]
fn a_folder_without_its_slash_is_a_redirect_within_the_host() {
    let folder = Folder::new("files-redirect");
    let served = folder.serve();
    let mut client = served.client();
    for path in ["/inner", "//inner"] {
        let answer = client.get(path);
        assert_eq!((answer.status, answer.header("location")), (301, Some("/inner/")));
    }
}

#[test]
fn ranges_are_parts() {
    let folder = Folder::new("files-ranges");
    let served = folder.serve();
    let mut client = served.client();
    let mut get = |range: &str| get_with(&mut client, "/digits.txt", &format!("range: {range}"));
    let answer = get("bytes=2-4");
    assert_eq!((answer.status, answer.text()), (206, "234"));
    assert_eq!(answer.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(get("bytes=7-").text(), "789");
    assert_eq!(get("bytes=-2").text(), "89");
    let answer = get("bytes=10-");
    assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */10")));
    assert_eq!(get("bytes=0-1,3-4").status, 200);
}

#[test]
fn a_good_copy_is_not_sent_again() {
    let folder = Folder::new("files-copies");
    let served = folder.serve();
    let mut client = served.client();
    let answer = client.get("/digits.txt");
    let tag = answer.header("etag").unwrap().to_owned();
    let mut get = |header: &str| get_with(&mut client, "/digits.txt", header).status;
    assert_eq!(get(&format!("if-none-match: {tag}")), 304);
    assert_eq!(get("if-none-match: \"other\""), 200);
    assert_eq!(get("if-modified-since: Fri, 01 Jan 2100 00:00:00 GMT"), 304);
    assert_eq!(get("if-modified-since: Fri, 01 Jan 1999 00:00:00 GMT"), 200);
    assert_eq!(get(&format!("range: bytes=0-0\r\nif-range: {tag}")), 206);
    assert_eq!(get("range: bytes=0-0\r\nif-range: \"other\""), 200);
}
