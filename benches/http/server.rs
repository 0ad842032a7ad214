//! HTTP servers that answer each request with the same 13 bytes.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;

use crate::support::child::Job;
use crate::support::contender::{Measurement, System};
use crate::support::green::Green;
use crate::support::server::{announce, prepare};
use crate::support::{on_may, on_tokio, ours};

const PLAINTEXT: &str = "Hello, World!";

/// Serves until killed; the child's side. Arguments: `workers`, `cpus`.
pub fn serve(job: &Job) -> Measurement {
    prepare(job);
    let workers = job.number("workers");
    let result = match job.system() {
        System::Ours => serve_ours(workers),
        tokio @ (System::TokioCurrent | System::TokioMulti) => serve_tokio(tokio, workers),
        System::May => serve_may(workers),
        other => panic!("{other:?} is no HTTP server"),
    };
    panic!("the server ended: {result:?}")
}

fn serve_ours(workers: usize) -> io::Result<()> {
    use greenstd::net::http::{HttpServer, Request};
    ours::Ours::run(workers, || {
        let server = HttpServer::builder()
            .max_connections(None)
            .start((Ipv4Addr::LOCALHOST, 0), |_: Request| PLAINTEXT)?;
        announce(server.local_addr().port());
        server.serve_forever()
    })
}

/// The same version of hyper, on tokio by its own adapter.
fn serve_tokio(system: System, workers: usize) -> io::Result<()> {
    use hyper::body::{Bytes, Incoming};
    use hyper::header::{CONTENT_TYPE, HeaderValue};
    use hyper::{Request, Response, server::conn::http1, service::service_fn};
    use hyper_util::rt::TokioIo;

    async fn answer(_: Request<Incoming>) -> Result<Response<Full>, Infallible> {
        let mut response = Response::new(Full(Some(Bytes::from_static(PLAINTEXT.as_bytes()))));
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        Ok(response)
    }

    on_tokio::run(system, workers, async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        announce(listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(async move {
                // A client that ends is no news.
                let _ = connection.await;
            });
        }
    })
}

/// may's own HTTP server, which writes whatever it is told as a header.
fn serve_may(workers: usize) -> io::Result<()> {
    use may_minihttp::{HttpService, HttpServiceFactory, Request, Response};

    struct Plaintext;

    impl HttpService for Plaintext {
        fn call(&mut self, _: Request, response: &mut Response) -> io::Result<()> {
            response.header("Content-Type: text/plain; charset=utf-8").body(PLAINTEXT);
            Ok(())
        }
    }

    struct Plaintexts;

    impl HttpServiceFactory for Plaintexts {
        type Service = Plaintext;

        fn new_service(&self, _: usize) -> Plaintext {
            Plaintext
        }
    }

    on_may::configure(workers);
    // It does not tell its port. This one is free for a moment at least.
    let address = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let server = Plaintexts.start(address)?;
    announce(address.port());
    let _ = server.join();
    Err(io::Error::other("it has no end"))
}

/// A body that is there.
struct Full(Option<hyper::body::Bytes>);

impl hyper::body::Body for Full {
    type Data = hyper::body::Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(hyper::body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
