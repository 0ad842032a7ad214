//! Real peers: curl, h2load and wrk. `.ci/run` installs them; who lacks one sees a failure.

use crate::fixture::{for_each_flavour, serve};
use greenstd::net::http::{Bytes, IntoResponse, Request, Response, ResponseBody};
use std::io::{self, Write};
use std::process::{Command, Output};

fn run(program: &str, arguments: &[&str]) -> Output {
    let outcome = Command::new(program).args(arguments).output();
    outcome.unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"))
}

/// What curl prints; its exit status is that of success.
fn curl(arguments: &[&str]) -> String {
    let common = ["--silent", "--show-error", "--max-time", "20"];
    let output = run("curl", &[&common, arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn echo(mut request: Request) -> io::Result<Response> {
    if request.uri().path() == "/written" {
        return Ok(Response::new(ResponseBody::writer(|body| {
            (0..10_000).try_for_each(|number| writeln!(body, "{number}"))
        })));
    }
    let version = request.version();
    let bytes = request.body_mut().read_all()?;
    let mut response = Bytes::from(format!("{version:?} {}", bytes.len())).into_response();
    response.headers_mut().insert("x-path", request.uri().path().parse().unwrap());
    Ok(response)
}

#[test]
fn curl_speaks_every_version() {
    for_each_flavour(|workers| {
        let served = serve(workers, |builder| builder, echo);
        let url = format!("http://{}/path", served.addr());
        assert_eq!(curl(&["--http1.0", &url]), "HTTP/1.0 0");
        assert_eq!(curl(&["--http1.1", &url]), "HTTP/1.1 0");
        assert_eq!(curl(&["--http2-prior-knowledge", &url]), "HTTP/2.0 0");
        let file =
            std::env::temp_dir().join(format!("greenstd-curl-{}-{workers}", std::process::id()));
        std::fs::write(&file, vec![7; 1_500_000]).unwrap();
        let upload = format!("@{}", file.display());
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            // curl asks whether to continue before a body of this size.
            let answer = curl(&[version, "--data-binary", &upload, &url]);
            assert!(answer.ends_with(" 1500000"), "{answer}");
            let chunked = curl(&[
                version,
                "-H",
                "transfer-encoding: chunked",
                "--data-binary",
                &upload,
                &url,
            ]);
            assert!(chunked.ends_with(" 1500000"), "{chunked}");
        }
        std::fs::remove_file(file).unwrap();
        let url = format!("http://{}/written", served.addr());
        let expected: String = (0..10_000).map(|number| format!("{number}\n")).collect();
        for version in ["--http1.0", "--http1.1", "--http2-prior-knowledge"] {
            assert_eq!(curl(&[version, &url]), expected);
        }
    });
}

/// Many streams on few connections, each with a green thread of its own.
#[test]
fn h2load_gets_an_answer_to_each_of_its_requests() {
    for_each_flavour(|workers| {
        let served = serve(workers, |builder| builder, echo);
        let url = format!("http://{}/", served.addr());
        let output = run("h2load", &["-n", "2000", "-c", "10", "-m", "50", &url]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("2000 succeeded, 0 failed, 0 errored"), "{told}");
        assert!(told.contains("status codes: 2000 2xx"), "{told}");
    });
}

#[test]
fn wrk_gets_no_errors() {
    for_each_flavour(|workers| {
        let served = serve(workers, |builder| builder, echo);
        let url = format!("http://{}/", served.addr());
        let output = run("wrk", &["-t", "1", "-c", "50", "-d", "1s", "--timeout", "20s", &url]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("requests in"), "{told}");
        assert!(!told.contains("Socket errors") && !told.contains("Non-2xx"), "{told}");
    });
}
