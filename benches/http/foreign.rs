//! HTTP servers that are no Rust: nginx, and Go's net/http, where they are installed.
//!
//! Each is a process of its own with one worker, bound to the CPU of the server, that answers as
//! the others do. Both are started by `taskset`, which becomes what it starts, so the process id is
//! that of the server.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::contender::{Contender, System};

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(10);

const GO_PROGRAM: &str = include_str!("plaintext.go");

/// A running server with its folder of settings; both are gone when it is dropped.
#[derive(Debug)]
pub struct Foreign {
    process: Child,
    folder: PathBuf,
    pub address: SocketAddr,
    pub pid: u32,
}

/// Whether the system can be started by its name, and bound to a CPU.
pub fn is_installed(system: System) -> bool {
    let runs = |program: &str, argument| {
        let mut command = Command::new(program);
        let command = command.arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
        command.is_ok_and(|status| status.success())
    };
    let is_there = match system {
        System::Nginx => runs("nginx", "-v"),
        System::Go => runs("go", "version"),
        other => panic!("{other:?} is no foreign server"),
    };
    is_there && runs("taskset", "--version")
}

impl Foreign {
    /// Starts the contender's server: argument `cpus`.
    pub fn start(contender: &Contender) -> Result<Foreign, String> {
        Foreign::begin(contender).map_err(|error| error.to_string())
    }

    fn begin(contender: &Contender) -> io::Result<Foreign> {
        // Free for a moment at least: nobody else starts servers meanwhile.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let name = format!("greenstd-http-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        let mut command = Command::new("taskset");
        let cpus = contender.arguments.iter().find(|(known, _)| known == "cpus");
        match cpus.map(|(_, value)| value.as_str()) {
            None | Some("any") => command.args(["-c", "0-1023"]),
            Some(cpu) => command.args(["-c", cpu]),
        };
        match contender.system {
            System::Nginx => nginx(&mut command, &folder, address)?,
            System::Go => go(&mut command, &folder, address)?,
            other => panic!("{other:?} is no foreign server"),
        }
        let process = command.stdin(Stdio::null()).spawn()?;
        let pid = process.id();
        let server = Foreign { process, folder, address, pid };
        let limit = Instant::now() + START;
        while let Err(error) = TcpStream::connect(address) {
            if Instant::now() > limit {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }
}

/// One process, which serves itself.
fn nginx(command: &mut Command, folder: &Path, address: SocketAddr) -> io::Result<()> {
    let settings = folder.join("nginx.conf");
    let place = folder.display();
    let text = format!(
        "daemon off; master_process off; pid {place}/pid; error_log {place}/errors crit;\n\
         events {{ worker_connections 2000; }}\n\
         http {{\n access_log off; keepalive_requests 1000000000; default_type text/plain;\n \
         client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;\n \
         fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi;\n \
         scgi_temp_path {place}/scgi;\n \
         server {{ listen {address}; location / {{ return 200 \"Hello, World!\"; }} }}\n}}\n"
    );
    fs::write(&settings, text)?;
    let errors = folder.join("errors");
    command.arg("nginx").arg("-c").arg(settings).arg("-e").arg(errors).stderr(Stdio::null());
    Ok(())
}

/// Compiled first: the time of a build is nobody's.
fn go(command: &mut Command, folder: &Path, address: SocketAddr) -> io::Result<()> {
    fs::write(folder.join("main.go"), GO_PROGRAM)?;
    let mut build = Command::new("go");
    build.args(["build", "-o", "server", "main.go"]).current_dir(folder);
    if !build.status()?.success() {
        return Err(io::Error::other("the program in Go is not compiled"));
    }
    command.arg(folder.join("server")).arg(address.to_string()).env("GOMAXPROCS", "1");
    Ok(())
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // All three fail only if that was done already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
