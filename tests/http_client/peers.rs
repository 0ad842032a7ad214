//! Other people's servers: nginx and Python's `http.server`.
//!
//! A test whose program is not installed is skipped, and says so; `.ci/run` installs them, and
//! takes that for a failure.

use crate::flavour::on_workers;
use greenstd::net::TcpListener;
use greenstd::net::http_client::ureq::{Agent, Error, Proxy};
use greenstd::net::http_client::{agent, agent_with, config};
use greenstd::net::server::StreamServer;
use greenstd::process::{Child, Command, Stdio};
use greenstd::thread;
use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Runs `body` on a green thread if the program is there.
fn with(program: &str, body: impl FnOnce() + Send + 'static) {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    // Where Debian has nginx, whether or not a user is supposed to run it.
    let mut folders = std::env::split_paths(&paths).chain([PathBuf::from("/usr/sbin")]);
    if folders.any(|folder| folder.join(program).exists()) {
        on_workers(1, body);
        return;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not by `eprintln!`, which the test harness swallows.
    let text = format!("skipped, because {program} is not installed: {test}\n");
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A folder with pages, removed when dropped.
struct Folder(PathBuf);

const PAGES: usize = 50;

impl Folder {
    fn new(name: &str) -> Folder {
        let name = format!("greenstd-http-{}-{name}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        fs::create_dir(&folder.0).unwrap();
        for number in 0..PAGES {
            fs::write(folder.0.join(number.to_string()), page(number)).unwrap();
        }
        folder
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

fn page(number: usize) -> String {
    format!("page {number}\n").repeat(number * 100 + 1)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Everything twice, by as many as there are pages.
fn fetch_all(agent: &Agent, port: u16) {
    thread::scope(|scope| {
        for number in 0..PAGES {
            scope.spawn(move || {
                for _ in 0..2 {
                    let url = format!("http://127.0.0.1:{port}/{number}");
                    let mut told = agent.get(&url).call().unwrap();
                    assert_eq!(told.body_mut().read_to_string().unwrap(), page(number));
                }
            });
        }
    });
}

fn wait_for(agent: &Agent, port: u16) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = agent.get(format!("http://127.0.0.1:{port}/0")).call() {
        assert!(Instant::now() < deadline, "{error}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nginx_is_read() {
    with("nginx", || {
        let folder = Folder::new("nginx");
        let (path, port) = (folder.0.display(), free_port());
        let settings = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error;\n\
             events {{ }}\n\
             http {{ access_log off; gzip on; gzip_types *; client_body_temp_path {path}/b;\n\
             proxy_temp_path {path}/p; fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u;\n\
             scgi_temp_path {path}/s;\n\
             server {{ listen 127.0.0.1:{port}; root {path};\n\
             location /moved/ {{ rewrite ^/moved/(.*)$ /$1 permanent; }} }} }}\n"
        );
        fs::write(folder.0.join("settings"), settings).unwrap();
        let mut nginx = Command::new("/usr/sbin/nginx");
        nginx.arg("-c").arg(folder.0.join("settings")).arg("-e").arg(folder.0.join("error"));
        let _running = Running(nginx.stderr(Stdio::null()).spawn().unwrap());
        let agent = agent();
        wait_for(&agent, port);
        fetch_all(&agent, port);
        let moved = format!("http://127.0.0.1:{port}/moved/7");
        let mut told = agent.get(&moved).call().unwrap();
        assert_eq!(told.body_mut().read_to_string().unwrap(), page(7));
    });
}

#[test]
fn microsocks_connects() {
    with("microsocks", || {
        let pages = StreamServer::builder().start("127.0.0.1:0", |mut connection| {
            assert!(connection.read(&mut [0; 1024])? > 0);
            connection.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbehind it")
        });
        let pages = pages.unwrap();
        let port = free_port();
        let mut proxy = Command::new("microsocks");
        proxy.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-u", "me", "-P", "secret"]);
        let _running = Running(proxy.stderr(Stdio::null()).spawn().unwrap());
        let by = |who: &str| {
            let proxy = Proxy::new(&format!("socks5://{who}127.0.0.1:{port}")).unwrap();
            agent_with(config().proxy(Some(proxy)).build())
        };
        let url = format!("http://{}/", pages.local_addr());
        let deadline = Instant::now() + Duration::from_secs(30);
        let agent = by("me:secret@");
        let mut told = loop {
            match agent.get(&url).call() {
                Ok(told) => break told,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(told.body_mut().read_to_string().unwrap(), "behind it");
        let denied = |who| {
            matches!(by(who).get(&url).call(),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied)
        };
        assert!(denied("me:wrong@"));
        assert!(denied(""));
        pages.stop(Duration::ZERO);
    });
}

#[test]
fn the_server_of_python_is_read() {
    with("python3", || {
        let folder = Folder::new("python");
        let port = free_port();
        let mut python = Command::new("python3");
        python.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]);
        python.current_dir(&folder.0).stdout(Stdio::null()).stderr(Stdio::null());
        let _running = Running(python.spawn().unwrap());
        // It closes each connection, and drops some beyond its short backlog for a second.
        let agent = agent_with(config().timeout_connect(Some(Duration::from_secs(60))).build());
        wait_for(&agent, port);
        fetch_all(&agent, port);
    });
}
