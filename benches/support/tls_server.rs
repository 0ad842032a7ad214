//! Echo servers that speak TLS, on the same rustls, provider and certificate.

use std::io::{self, Read, Write};
use std::sync::Arc;

use greenstd::net::tls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use greenstd::net::tls::rustls::{ServerConfig, crypto::ring};
use greenstd::net::tls::{TlsAcceptor, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::child::Job;
use super::contender::{Measurement, System};
use super::green::Green;
use super::{on_tokio, ours, server, sys};

/// Serves until killed; the child's side. Arguments: `workers`, `buffer_bytes`, `cpus`.
pub fn serve(job: &Job) -> Measurement {
    sys::raise_file_limit();
    if let Some(cpus) = server::cpus(job) {
        sys::pin_to(&cpus);
    }
    let (workers, buffer_bytes) = (job.number("workers"), job.number("buffer_bytes"));
    let result = match job.system() {
        System::Ours => serve_ours(workers, buffer_bytes),
        tokio @ (System::TokioCurrent | System::TokioMulti) => {
            serve_tokio(tokio, workers, buffer_bytes)
        }
        other => panic!("{other:?} speaks no TLS here"),
    };
    panic!("the server ended: {result:?}")
}

/// What both speak.
fn config() -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let made = made.expect("the name is one");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for all versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key);
    Arc::new(config.expect("the key was made for the certificate"))
}

fn serve_ours(workers: usize, buffer_bytes: usize) -> io::Result<()> {
    fn echo(mut stream: TlsStream<ours::TcpStream>, buffer_bytes: usize) -> io::Result<()> {
        let mut buffer = vec![0; buffer_bytes];
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                count => stream.write_all(&buffer[..count])?,
            }
        }
    }
    let acceptor = TlsAcceptor::from_config(config());
    ours::Ours::run(workers, move || {
        let listener = ours::TcpListener::bind("127.0.0.1:0")?;
        server::announce(listener.local_addr()?.port());
        for stream in listener.incoming() {
            let (stream, acceptor) = (stream?, acceptor.clone());
            greenstd::thread::spawn(move || {
                stream.set_nodelay(true)?;
                echo(acceptor.accept(stream)?, buffer_bytes)
            });
        }
        Ok(())
    })
}

fn serve_tokio(system: System, workers: usize, buffer_bytes: usize) -> io::Result<()> {
    use tokio::net::{TcpListener, TcpStream};
    async fn echo(
        mut stream: tokio_rustls::server::TlsStream<TcpStream>,
        buffer_bytes: usize,
    ) -> io::Result<()> {
        let mut buffer = vec![0; buffer_bytes];
        loop {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                count => {
                    stream.write_all(&buffer[..count]).await?;
                    // Otherwise it may keep what it has encrypted.
                    stream.flush().await?;
                }
            }
        }
    }
    let acceptor = tokio_rustls::TlsAcceptor::from(config());
    on_tokio::run(system, workers, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        server::announce(listener.local_addr()?.port());
        loop {
            let ((stream, _), acceptor) = (listener.accept().await?, acceptor.clone());
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                echo(acceptor.accept(stream).await?, buffer_bytes).await
            });
        }
    })
}
