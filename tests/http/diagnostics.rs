//! The page that shows what the process does.

use crate::client::Answer;
use crate::fixture::{Served, for_each_flavour, serve};
use greenstd::net::http::{Diagnostics, IntoResponse, Request, Response, StatusCode};
use greenstd::thread;

/// Mounted at `/debug`.
fn page(workers: usize, diagnostics: Diagnostics) -> Served {
    let answer = move |request: Request| -> Response {
        match request.uri().path().strip_prefix("/debug") {
            Some(path) => diagnostics.serve_path(&request, path),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    };
    serve(workers, |builder| builder, answer)
}

fn json(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.head);
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn the_page_and_its_script_lie_below_the_prefix() {
    for_each_flavour(|workers| {
        let served = page(workers, Diagnostics::new());
        let mut client = served.client();
        let moved = client.get("/debug");
        assert_eq!((moved.status, moved.header("location")), (308, Some("/debug/")));
        let page = client.get("/debug/");
        assert_eq!(page.status, 200);
        assert!(page.text().contains("<title>Green threads</title>"));
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(client.get("/debug/page.js").status, 200);
        assert_eq!(client.get("/debug/../page.js").status, 404);
    });
}

#[test]
fn every_command_is_there_as_json_and_as_text() {
    for_each_flavour(|workers| {
        let served = page(workers, Diagnostics::new());
        let mut client = served.client();
        for command in ["ps", "top", "locks", "fds", "pool", "metrics", "dump", "help"] {
            let answer = client.get(&format!("/debug/api/{command}"));
            assert_eq!(answer.status, 200, "{command}");
            json(&answer);
            let text = client.get(&format!("/debug/text/{command}"));
            assert_eq!(text.status, 200, "{command}");
            assert!(text.header("content-type").unwrap().starts_with("text/plain"));
        }
        let threads = json(&client.get("/debug/api/ps"))["threads"].clone();
        let number = threads[0]["number"].as_u64().unwrap();
        assert_eq!(json(&client.get(&format!("/debug/api/bt/{number}")))["number"], number);
    });
}

#[test]
fn what_is_no_command_is_an_error() {
    let served = page(1, Diagnostics::new());
    let mut client = served.client();
    for (path, status) in [
        ("/debug/api/nothing", 404),
        ("/debug/api/", 404),
        ("/debug/api/bt/999999999", 404),
        ("/debug/api/bt", 400),
        ("/debug/api/bt/x", 400),
        ("/debug/api/ps/json", 400),
        ("/debug/api/%70s", 404),
        ("/debug/api/PS", 404),
        ("/debug/other", 404),
        ("/debug/text/bt/999999999", 404),
    ] {
        assert_eq!(client.get(path).status, status, "{path}");
    }
    let error = json(&client.get("/debug/api/bt/999999999"));
    assert_eq!(error["error"], "no green thread 999999999 is running");
}

#[test]
fn nothing_is_changed_unless_it_is_allowed_and_meant() {
    for_each_flavour(|workers| {
        let victim = thread::spawn(thread::park);
        let id = victim.thread().id();
        let number = loop {
            if let Some(found) = greenstd::diag::dump().thread(id)
                && greenstd::diag::find(found.number()).is_some()
            {
                break found.number();
            }
        };
        let path = format!("/debug/api/kill/{number}");
        let meant = format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\nx-greenstd: 1\r\ncontent-length: 0\r\n\r\n"
        );
        let served = page(workers, Diagnostics::new());
        let mut client = served.client();
        assert_eq!(client.get(&path).status, 405);
        client.send(&meant);
        assert_eq!(client.answer().status, 403, "it was not allowed");
        let served = page(workers, Diagnostics::new().allow_actions(true));
        let mut client = served.client();
        assert_eq!(client.get(&path).status, 405);
        assert_eq!(client.post(&path, b"").status, 403, "any page could send that");
        assert!(!victim.is_finished());
        client.send(&meant);
        assert_eq!(client.answer().status, 200);
        assert!(victim.join().is_err());
    });
}
