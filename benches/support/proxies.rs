//! The proxies: ours, tokio's, HAProxy.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream as StdStream};
use std::path::PathBuf;
use std::process::{Child as Process, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use greenstd::io::CopyBidirectional;

use super::child::{Child, Job};
use super::contender::{Contender, Measurement, System};
use super::{on_tokio, ours, server, sys};

/// Case name of a proxy's child.
pub const CASE: &str = "proxy";

/// How long HAProxy may take to listen.
const START: Duration = Duration::from_secs(10);

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    _process: Owner,
    pub address: SocketAddr,
    pub pid: u32,
}

/// What ends the proxy when it is dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "held for their destructors")]
enum Owner {
    Child(Child),
    Haproxy(Haproxy),
}

impl Proxy {
    /// Starts the contender's proxy: arguments `workers`, `cpus`, `upstream`, and its own.
    pub fn start(contender: &Contender) -> Result<Proxy, String> {
        if contender.system == System::Haproxy {
            return Haproxy::start(contender).map_err(|error| error.to_string());
        }
        let mut child = Child::start(&contender.clone().with("case", CASE).arguments);
        let (port, pid) = greeting(&mut child)?;
        let address = (Ipv4Addr::LOCALHOST, port).into();
        Ok(Proxy { _process: Owner::Child(child), address, pid })
    }
}

/// The port and the process id that a child tells.
pub fn greeting(child: &mut Child) -> Result<(u16, u32), String> {
    let line = child.line()?;
    let mut words = line.split(' ').skip(1);
    let port = words.next().and_then(|word| word.parse().ok());
    let pid = words.next().and_then(|word| word.parse().ok());
    port.zip(pid).ok_or(format!("a child said {line:?}"))
}

/// Tells the parent where this process listens.
pub fn announce(port: u16) {
    println!("listening {port} {}", std::process::id());
    // Standard output is a pipe to the parent, which waits for this line.
    io::stdout().flush().expect("the parent is alive");
}

/// Passes bytes on until killed; the child's side.
pub fn serve(job: &Job) -> Measurement {
    sys::raise_file_limit();
    if let Some(cpus) = server::cpus(job) {
        sys::pin_to(&cpus);
    }
    let upstream: SocketAddr = job.text("upstream").parse().expect("the parent passed it");
    let workers = job.number("workers");
    let result = match job.system() {
        System::Ours => serve_ours(workers, upstream, job.number("splice") == 1),
        tokio @ (System::TokioCurrent | System::TokioMulti) => {
            serve_tokio(tokio, workers, upstream, job.number("buffer_bytes"))
        }
        other => panic!("{other:?} is no proxy"),
    };
    panic!("the proxy ended: {result:?}")
}

fn serve_ours(workers: usize, upstream: SocketAddr, splices: bool) -> io::Result<()> {
    ours::runtime(workers).run(move || {
        let listener = ours::TcpListener::bind("127.0.0.1:0")?;
        announce(listener.local_addr()?.port());
        for client in listener.incoming() {
            let client = client?;
            greenstd::thread::spawn(move || {
                let upstream = ours::TcpStream::connect(upstream)?;
                client.set_nodelay(true)?;
                upstream.set_nodelay(true)?;
                CopyBidirectional::new().splice(splices).run(&client, &upstream)
            });
        }
        Ok(())
    })
}

fn serve_tokio(
    system: System,
    workers: usize,
    upstream: SocketAddr,
    buffer_bytes: usize,
) -> io::Result<()> {
    on_tokio::run(system, workers, async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        announce(listener.local_addr()?.port());
        loop {
            let (mut client, _) = listener.accept().await?;
            tokio::spawn(async move {
                let mut upstream = tokio::net::TcpStream::connect(upstream).await?;
                client.set_nodelay(true)?;
                upstream.set_nodelay(true)?;
                tokio::io::copy_bidirectional_with_sizes(
                    &mut client,
                    &mut upstream,
                    buffer_bytes,
                    buffer_bytes,
                )
                .await
            });
        }
    })
}

/// Whether HAProxy can be started by its name, and bound to a CPU.
pub fn has_haproxy() -> bool {
    let runs = |program: &str, argument| {
        let mut command = Command::new(program);
        let command = command.arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
        command.is_ok_and(|status| status.success())
    };
    runs("haproxy", "-v") && runs("taskset", "--version")
}

/// A running HAProxy with its file of settings; both are gone when it is dropped.
#[derive(Debug)]
struct Haproxy {
    process: Process,
    settings: PathBuf,
}

impl Haproxy {
    fn start(contender: &Contender) -> io::Result<Proxy> {
        let argument = |name: &str| {
            let pair = contender.arguments.iter().find(|(known, _)| known == name);
            pair.map_or("", |(_, value)| value.as_str())
        };
        // Free for a moment at least: nobody else starts servers meanwhile.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let settings = std::env::temp_dir().join(format!("greenstd-{}.cfg", std::process::id()));
        let text = format!(
            "global\n nbthread 1\n maxconn 2000\n\
             defaults\n mode tcp\n option splice-auto\n timeout connect 10s\n \
             timeout client 300s\n timeout server 300s\n\
             listen proxy\n bind {address}\n server sink {}\n",
            argument("upstream")
        );
        fs::write(&settings, text)?;
        let mut command = Command::new("taskset");
        match argument("cpus") {
            "any" => command.args(["-c", "0-1023"]),
            cpu => command.args(["-c", cpu]),
        };
        // `taskset` becomes HAProxy, so the process id is that of the proxy.
        command.args(["haproxy", "-db", "-q", "-f"]).arg(&settings);
        let process = command.stdin(Stdio::null()).spawn()?;
        let pid = process.id();
        let haproxy = Haproxy { process, settings };
        let limit = Instant::now() + START;
        while let Err(error) = StdStream::connect(address) {
            if Instant::now() > limit {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Proxy { _process: Owner::Haproxy(haproxy), address, pid })
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        // All three fail only if that was done already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.settings);
    }
}
