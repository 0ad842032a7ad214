//! Other people's programs: `openssl s_client` and `s_server`, curl and nginx, on both sides.
//!
//! A test whose program is not installed is skipped, and says so; `.ci/run` installs them, and
//! takes that for a failure.

use crate::certificates::{NAME, Pems, authority, identity};
use crate::fixture::{expect, message};
use crate::flavour::on_workers;
use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::tls::{HandshakeKind, ProtocolVersion, TlsAcceptor, TlsConnector, TlsStream};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::process::{Child, Command, Output, Stdio};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Runs `body` on a green thread if the program is there.
fn with(program: &str, body: impl FnOnce() + Send + 'static) {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    // Where Debian has nginx, whether or not a user is supposed to run it.
    let mut folders = std::env::split_paths(&paths).chain([PathBuf::from("/usr/sbin")]);
    if folders.any(|folder| folder.join(program).exists()) {
        on_workers(2, body);
        return;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not by `eprintln!`, which the test harness swallows.
    let text = format!("skipped, because {program} is not installed: {test}\n");
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A folder with certificates, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("greenstd-tls-{}-{number}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        fs::create_dir(&folder.0).unwrap();
        folder.put("ca.pem", &authority().pem);
        let Pems { chain, key } = authority().sign(&[NAME]);
        folder.put("server.pem", &chain);
        folder.put("server.key", &key);
        let Pems { chain, key } = authority().sign(&["client.test"]);
        folder.put("client.pem", &chain);
        folder.put("client.key", &key);
        folder
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.0.join(name), content).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A program that runs until it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Connects to a program that may not listen yet.
fn patiently(address: SocketAddr) -> TcpStream {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        greenstd::thread::sleep(Duration::from_millis(10));
    }
}

fn text(output: &Output) -> String {
    let [out, error] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{}\n{out}{error}", output.status)
}

fn connector(folder: &Folder) -> TlsConnector {
    let identity = Pems {
        chain: fs::read_to_string(folder.path("client.pem")).unwrap(),
        key: fs::read_to_string(folder.path("client.key")).unwrap(),
    };
    let connector = TlsConnector::builder().roots(authority().roots());
    connector.identity(identity.identity()).build().unwrap()
}

/// Answers each line in capitals, until `bye`.
fn shout(connection: Connection<TlsStream<TcpStream>>) -> io::Result<()> {
    let mut lines = BufReader::new(&*connection).lines();
    while let Some(line) = lines.next().transpose()? {
        (&*connection).write_all(format!("{}\n", line.to_uppercase()).as_bytes())?;
        if line == "bye" {
            break;
        }
    }
    Ok(())
}

fn shouting(acceptor: TlsAcceptor) -> StreamServer {
    StreamServer::builder().tls(acceptor).start("127.0.0.1:0", shout).unwrap()
}

/// What `openssl s_client` prints to a conversation.
fn s_client(server: &StreamServer, folder: &Folder, options: &[&str]) -> Output {
    let mut child = Command::new("openssl")
        .args(["s_client", "-connect", &server.local_addr().to_string(), "-servername", NAME])
        .args(["-CAfile", &folder.path("ca.pem"), "-verify_return_error"])
        .args(["-verify_hostname", NAME, "-ign_eof"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A client whose handshake fails reads nothing.
    let _ = child.stdin.take().unwrap().write_all(b"hello\nbye\n");
    child.wait_with_output().unwrap()
}

#[test]
fn openssl_s_client_is_served() {
    with("openssl", || {
        let folder = Folder::new();
        let acceptor = TlsAcceptor::builder(identity()).alpn_protocols(["shout"]).build().unwrap();
        let server = shouting(acceptor);
        for version in ["-tls1_2", "-tls1_3"] {
            let output = s_client(&server, &folder, &[version, "-alpn", "shout"]);
            let text = text(&output);
            assert!(output.status.success(), "{text}");
            assert!(text.contains("HELLO\nBYE\n"), "{text}");
            assert!(text.contains("ALPN protocol: shout"), "{text}");
            assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
        }
        let old = s_client(&server, &folder, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(!old.status.success(), "{}", text(&old));
    });
}

#[test]
fn openssl_s_client_resumes_its_session() {
    with("openssl", || {
        let folder = Folder::new();
        let server = shouting(TlsAcceptor::builder(identity()).build().unwrap());
        for version in ["-tls1_2", "-tls1_3"] {
            let session = folder.path("session");
            let first = s_client(&server, &folder, &[version, "-sess_out", &session]);
            assert!(text(&first).contains("\nNew, TLSv"), "{}", text(&first));
            let second = s_client(&server, &folder, &[version, "-sess_in", &session]);
            assert!(text(&second).contains("\nReused, TLSv"), "{}", text(&second));
        }
    });
}

#[test]
fn openssl_s_client_needs_a_certificate_where_one_is_required() {
    with("openssl", || {
        let folder = Folder::new();
        let acceptor = TlsAcceptor::builder(identity());
        let acceptor = acceptor.require_client_certificate(authority().roots()).build().unwrap();
        let server = shouting(acceptor);
        let (chain, key) = (folder.path("client.pem"), folder.path("client.key"));
        let known = s_client(&server, &folder, &["-cert", &chain, "-key", &key]);
        assert!(text(&known).contains("HELLO\nBYE\n"), "{}", text(&known));
        let unknown = s_client(&server, &folder, &[]);
        assert!(!text(&unknown).contains("HELLO"), "{}", text(&unknown));
        assert!(text(&unknown).contains("certificate required"), "{}", text(&unknown));
    });
}

#[test]
fn openssl_s_server_is_spoken_to() {
    with("openssl", || {
        let folder = Folder::new();
        for (option, version) in
            [("-tls1_2", ProtocolVersion::TLSv1_2), ("-tls1_3", ProtocolVersion::TLSv1_3)]
        {
            let address = free_address();
            let child = Command::new("openssl")
                .args(["s_server", "-accept", &address.to_string(), "-rev", option])
                .args(["-cert", &folder.path("server.pem"), "-key", &folder.path("server.key")])
                .args(["-CAfile", &folder.path("ca.pem"), "-Verify", "1", "-verify_return_error"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let _running = Running(child);
            let connector = connector(&folder);
            for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
                let stream = connector.connect(NAME, patiently(address)).unwrap();
                assert_eq!(stream.protocol_version(), Some(version));
                for _ in 0..10 {
                    (&stream).write_all(b"reversed\n").unwrap();
                    expect(&stream, b"desrever\n");
                }
                assert_eq!(stream.handshake_kind(), Some(kind));
                stream.close().unwrap();
            }
        }
    });
}

/// Serves the one path with a page, and nothing else.
fn serve_page(connection: Connection<TlsStream<TcpStream>>) -> io::Result<()> {
    let mut lines = BufReader::new(&*connection).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let body = if request.starts_with("GET /page ") { message(1, 300_000) } else { Vec::new() };
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    (&*connection).write_all(head.as_bytes())?;
    (&*connection).write_all(&body)
}

#[test]
fn curl_is_served() {
    with("curl", || {
        let folder = Folder::new();
        let acceptor = TlsAcceptor::builder(identity()).alpn_protocols(["http/1.1"]);
        let acceptor = acceptor.build().unwrap();
        let server = StreamServer::builder().tls(acceptor).start("127.0.0.1:0", serve_page);
        let server = server.unwrap();
        let port = server.local_addr().port();
        let curl = |options: &[&str]| {
            let resolve = format!("*:{port}:127.0.0.1");
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"]);
            curl.args(["--cacert", &folder.path("ca.pem"), "--resolve", &resolve]);
            curl.args(options).output().unwrap()
        };
        for version in ["--tlsv1.3", "--tls-max=1.2"] {
            let version: Vec<&str> = version.split('=').collect();
            let url = format!("https://{NAME}:{port}/page");
            let page = curl(&[&version[..], &[&url]].concat());
            assert!(page.stdout == message(1, 300_000), "{}", page.stdout.len());
        }
        let other = curl(&[&format!("https://other.test:{port}/page")]);
        assert_eq!(other.status.code(), Some(60), "{}", text(&other));
        let plain = curl(&["--include", &format!("http://{NAME}:{port}/page")]);
        let plain = String::from_utf8_lossy(&plain.stdout).into_owned();
        assert!(plain.starts_with("HTTP/1.0 400 "), "{plain}");
        assert!(plain.contains("HTTPS server"), "{plain}");
    });
}

/// nginx on a port of its own, which serves `page` from the folder, and passes `/ours/` on.
fn nginx(folder: &Folder, address: SocketAddr, ours: SocketAddr) -> Running {
    let at = |name: &str| folder.path(name);
    fs::write(at("page"), message(2, 1 << 20)).unwrap();
    folder.put(
        "nginx.conf",
        &format!(
            "daemon off; master_process off; pid {pid}; error_log {log};
        events {{}}
        http {{
            access_log off;
            client_body_temp_path {tmp}; proxy_temp_path {tmp}; fastcgi_temp_path {tmp};
            uwsgi_temp_path {tmp}; scgi_temp_path {tmp};
            server {{
                listen {address} ssl;
                ssl_certificate {chain}; ssl_certificate_key {key};
                ssl_session_cache shared:tls:1m;
                location /page {{ root {root}; }}
                location /ours/ {{
                    proxy_pass https://{ours}/;
                    proxy_ssl_name {NAME}; proxy_ssl_server_name on;
                    proxy_ssl_verify on; proxy_ssl_trusted_certificate {ca};
                    proxy_ssl_protocols TLSv1.2 TLSv1.3;
                }}
            }}
        }}",
            pid = at("pid"),
            log = at("error.log"),
            tmp = at("tmp"),
            root = folder.0.display(),
            chain = at("server.pem"),
            key = at("server.key"),
            ca = at("ca.pem"),
        ),
    );
    let program = ["/usr/sbin/nginx", "nginx"].into_iter().find(|path| Path::new(path).exists());
    let child = Command::new(program.unwrap_or("nginx"))
        .args(["-p", &at(""), "-e", &at("error.log"), "-c", &at("nginx.conf")])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

/// The body of an answer, which ends with the connection.
fn get(stream: &TlsStream<TcpStream>, path: &str) -> Vec<u8> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    { stream }.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    { stream }.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(head)
}

#[test]
fn nginx_serves_us_and_is_served() {
    with("nginx", || {
        let folder = Folder::new();
        let acceptor = TlsAcceptor::builder(identity()).build().unwrap();
        let ours = StreamServer::builder().tls(acceptor).start("127.0.0.1:0", serve_page);
        let ours = ours.unwrap();
        let address = free_address();
        let _running = nginx(&folder, address, *ours.local_addr());
        let connector = connector(&folder);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let stream = connector.connect(NAME, patiently(address)).unwrap();
            assert!(get(&stream, "/page") == message(2, 1 << 20));
            assert_eq!(stream.handshake_kind(), Some(kind));
        }
        for _ in 0..3 {
            let stream = connector.connect(NAME, patiently(address)).unwrap();
            assert!(get(&stream, "/ours/page") == message(1, 300_000));
        }
        assert_eq!(ours.statistics().failed, 0);
    });
}
