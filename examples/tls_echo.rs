//! An echo server that speaks TLS, and a client for it.
//!
//! `cargo run --release --features tls --example tls_echo -- serve 127.0.0.1:7443 /tmp/echo.pem`
//! makes a certificate for `localhost`, writes it to the file, and serves. With `connect` in place
//! of `serve` it believes the certificate in the file, sends its standard input and prints what
//! comes back.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::{env, fs};

use greenstd::net::TcpStream;
use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::tls::{Identity, Roots, TlsAcceptor, TlsConnector, TlsStream};
use greenstd::{io::copy, thread};

const NAME: &str = "localhost";

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address, file] => serve(address, file.as_ref()),
        ["connect", address, file] => connect(address, file.as_ref()),
        _ => Err(io::Error::other("usage: tls_echo serve|connect ADDRESS CERTIFICATE")),
    }
}

fn serve(address: &str, file: &Path) -> io::Result<()> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).map_err(io::Error::other)?;
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes())?;
    let server = StreamServer::builder()
        .name("tls_echo")
        .tls(TlsAcceptor::builder(identity).build()?)
        .start(address, echo)?;
    // Once the server listens, so that whoever finds the file can connect.
    fs::write(file, chain)?;
    println!("listening on {}", server.local_addr());
    server.serve_forever()
}

fn echo(mut connection: Connection<TlsStream<TcpStream>>) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            // The other direction ends when the connection is dropped.
            return Ok(());
        }
        connection.write_all(&buffer[..count])?;
    }
}

fn connect(address: &str, file: &Path) -> io::Result<()> {
    let mut roots = Roots::empty();
    roots.add_pem_file(file)?;
    let connector = TlsConnector::builder().roots(roots).build()?;
    let stream = connector.connect(NAME, TcpStream::connect(address)?)?;
    let version = stream.protocol_version().expect("the handshake is over");
    eprintln!("connected by {version:?}");
    thread::scope(|scope| {
        scope.spawn(|| {
            let sent = copy(&mut greenstd::io::stdin(), &mut &stream);
            sent.and_then(|_| stream.shutdown(Shutdown::Write))
        });
        copy(&mut &stream, &mut io::stdout()).map(drop)
    })
}
