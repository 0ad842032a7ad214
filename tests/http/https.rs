//! Laws of HTTPS: curl and h2load as they are used, and clients that end badly.

use crate::certificates::{acceptor, authority, connector, identity, self_signed};
use crate::fixture::{Served, for_each_flavour, serve};
use greenstd::net::TcpStream;
use greenstd::net::http::{Builder, IntoResponse, Request, Response, ResponseBody};
use greenstd::net::tls::{TlsAcceptor, TlsStream};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const HUNG_AFTER: Duration = Duration::from_secs(20);

fn encrypted<R: IntoResponse>(
    workers: usize,
    settings: impl FnOnce(Builder) -> Builder + Send + 'static,
    handler: impl Fn(Request) -> R + Send + Sync + 'static,
) -> Served {
    serve(workers, |builder| settings(builder).tls::<TcpStream>(acceptor()), handler)
}

fn connect(served: &Served) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(*served.addr()).unwrap();
    stream.set_read_timeout(Some(HUNG_AFTER)).unwrap();
    connector().connect("localhost", stream).unwrap()
}

/// A file that is gone at the end of the test.
struct Temporary(std::path::PathBuf);

impl Temporary {
    fn new(name: &str, bytes: impl AsRef<[u8]>) -> Temporary {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("greenstd-https-{}-{number}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Temporary(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn curl(arguments: &[&str]) -> Output {
    let common = ["--silent", "--show-error", "--max-time", "20"];
    let output = Command::new("curl").args(common).args(arguments).output();
    output.unwrap_or_else(|error| panic!("curl is needed for this test: {error}"))
}

#[track_caller]
fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn echo(mut request: Request) -> io::Result<Response> {
    if request.uri().path() == "/written" {
        return Ok(Response::new(ResponseBody::writer(|body| {
            (0..20_000).try_for_each(|number| writeln!(body, "{number}"))
        })));
    }
    let version = request.version();
    let bytes = request.body_mut().read_all()?;
    Ok(format!("{version:?} {}", bytes.len()).into_response())
}

#[test]
fn curl_chooses_the_version_by_alpn() {
    for_each_flavour(|workers| {
        let served = encrypted(workers, |builder| builder, echo);
        let roots = Temporary::new("ca.pem", &authority().pem);
        let url = format!("https://localhost:{}/path", served.addr().port());
        let upload = Temporary::new("upload", vec![7; 1_500_000]);
        let data = format!("@{}", upload.path());
        let lines: String = (0..20_000).map(|number| format!("{number}\n")).collect();
        let written = format!("https://localhost:{}/written", served.addr().port());
        let believed = ["--cacert", roots.path()];
        for trust in [&believed[..], &["-k"]] {
            for (asked, spoken) in [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2.0")] {
                let ask = |more: &[&str]| told(&curl(&[trust, &[asked], more].concat()));
                assert_eq!(ask(&[&url]), format!("{spoken} 0"));
                assert_eq!(ask(&["--data-binary", &data, &url]), format!("{spoken} 1500000"));
                assert_eq!(ask(&[&written]), lines);
                // Two requests, of which the second one finds the connection that the first made.
                let twice = ask(&["-w", " %{num_connects};", &url, &url]);
                assert_eq!(twice, format!("{spoken} 0 1;{spoken} 0 0;"));
            }
        }
    });
}

#[test]
fn without_http2_it_is_not_offered() {
    let served = encrypted(1, |builder| builder.http2(false), echo);
    let url = format!("https://localhost:{}/", served.addr().port());
    assert_eq!(told(&curl(&["-k", "--http2", &url])), "HTTP/1.1 0");
}

#[test]
fn protocols_of_the_acceptors_own_are_left_as_they_are() {
    let own = TlsAcceptor::builder(identity()).alpn_protocols(["http/1.1"]).build().unwrap();
    let served = serve(1, move |builder| builder.tls::<TcpStream>(own), echo);
    let url = format!("https://localhost:{}/", served.addr().port());
    assert_eq!(told(&curl(&["-k", "--http2", &url])), "HTTP/1.1 0");
}

#[test]
fn h2load_gets_an_answer_to_each_of_its_requests() {
    for_each_flavour(|workers| {
        let served = encrypted(workers, |builder| builder, echo);
        let url = format!("https://127.0.0.1:{}/", served.addr().port());
        let arguments = ["-n", "2000", "-c", "10", "-m", "50", &url];
        let output = Command::new("h2load").args(arguments).output();
        let output = output.expect("h2load is needed for this test");
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("2000 succeeded, 0 failed, 0 errored"), "{told}");
        assert!(told.contains("Application protocol: h2"), "{told}");
    });
}

#[test]
fn a_client_that_believes_somebody_else_goes_and_hurts_nobody() {
    for_each_flavour(|workers| {
        let served = encrypted(workers, |builder| builder, echo);
        let url = format!("https://localhost:{}/", served.addr().port());
        let stranger = Temporary::new("other.pem", self_signed(&["stranger.test"]).chain);
        let output = curl(&["--cacert", stranger.path(), &url]);
        // Its code for a certificate that nobody vouches for.
        assert_eq!(output.status.code(), Some(60), "{output:?}");
        let by_another_name = format!("https://127.0.0.2:{}/", served.addr().port());
        let roots = Temporary::new("ca.pem", &authority().pem);
        assert!(!curl(&["--cacert", roots.path(), &by_another_name]).status.success());
        assert_eq!(told(&curl(&["--cacert", roots.path(), "--http1.1", &url])), "HTTP/1.1 0");
    });
}

#[test]
fn plain_http_is_told_that_it_is_wrong_here() {
    for_each_flavour(|workers| {
        let served = encrypted(workers, |builder| builder, echo);
        let mut client = served.client();
        client.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
        let answer = client.head();
        assert_eq!(answer.status, 400);
        assert!(String::from_utf8(client.rest()).unwrap().contains("an HTTP request to an HTTPS"));
        let mut stream = connect(&served);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").unwrap();
        assert!(io::read_to_string(&mut stream).unwrap().ends_with("HTTP/1.1 0"));
    });
}

/// A client may say all, and its farewell, before it reads.
#[test]
fn a_half_closed_connection_gets_its_answer_and_a_farewell() {
    for_each_flavour(|workers| {
        let served = encrypted(workers, |builder| builder, echo);
        let mut stream = connect(&served);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: t\r\n\r\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // A stream that was cut would be an error here.
        let answer = io::read_to_string(&mut stream).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("HTTP/1.1 0"), "{answer}");
    });
}

#[test]
fn a_request_that_was_cut_short_calls_nobody() {
    for_each_flavour(|workers| {
        let served = encrypted(
            workers,
            |builder| builder,
            |mut request: Request| match request.body_mut().read_all() {
                Ok(body) => format!("whole {}", body.len()),
                Err(error) => panic!("reported to nobody: {error}"),
            },
        );
        let mut stream = connect(&served);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: t\r\n").unwrap();
        // The transport ends, and no farewell was sent: somebody may have cut it.
        stream.get_ref().shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
        let mut stream = connect(&served);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").unwrap();
        assert!(io::read_to_string(&mut stream).unwrap().ends_with("whole 0"));
    });
}

#[test]
fn bytes_that_are_no_tls_end_the_connection() {
    let served = encrypted(1, |builder| builder, echo);
    for noise in [&[0; 100][..], b"\x16\x03\x01\x40\x01garbage", b"SSH-2.0-x\r\n"] {
        let mut client = served.client();
        client.send(noise);
        client.end_sending();
        client.rest();
    }
    // Encrypted, and no HTTP.
    let mut stream = connect(&served);
    stream.write_all(b"\0\0\0\0\r\n\r\n").unwrap();
    let answer = io::read_to_string(&mut stream).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

/// What is acknowledged to hyper is in our buffers then; its deadline holds for that, too.
#[test]
fn a_client_that_takes_nothing_is_given_up() {
    for_each_flavour(|workers| {
        let served = encrypted(
            workers,
            |builder| builder.write_timeout(Duration::from_millis(300)),
            |_: Request| vec![7; 16 << 20].into_response(),
        );
        let mut stream = connect(&served);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: t\r\n\r\n").unwrap();
        let start = Instant::now();
        while served.server.as_ref().unwrap().statistics().failed == 0 {
            assert!(start.elapsed() < HUNG_AFTER, "it is waited for");
            std::thread::sleep(Duration::from_millis(10));
        }
        let error = io::copy(&mut stream, &mut io::sink()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset));
    });
}

/// Uploads and downloads at once, on connections that other clients have.
#[test]
fn many_clients_get_their_own_bytes_back() {
    let served = encrypted(
        2,
        |builder| builder.max_body_bytes(None),
        |mut request: Request| io::Result::Ok(request.body_mut().read_all()?.into_response()),
    );
    std::thread::scope(|scope| {
        for client in 0..8_u8 {
            let served = &served;
            scope.spawn(move || {
                let mut stream = connect(served);
                for round in 0..5 {
                    let body = vec![client; 200_000 + round];
                    let head = format!(
                        "POST / HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n",
                        body.len()
                    );
                    stream.write_all(head.as_bytes()).unwrap();
                    stream.write_all(&body).unwrap();
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let mut byte = [0];
                        stream.read_exact(&mut byte).unwrap();
                        head.push(byte[0]);
                    }
                    let mut answer = vec![0; body.len()];
                    stream.read_exact(&mut answer).unwrap();
                    assert!(answer == body);
                }
                stream.close().unwrap();
            });
        }
    });
}
