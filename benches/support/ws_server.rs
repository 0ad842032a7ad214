//! Echo servers that speak WebSocket, on the same tungstenite.

use std::io;

use futures_util::{SinkExt, StreamExt};
use greenstd::net::ws;

use super::child::Job;
use super::contender::{Measurement, System};
use super::green::Green;
use super::{on_tokio, ours, server};

/// Serves until killed; the child's side. Arguments: `workers`, `cpus`.
pub fn serve(job: &Job) -> Measurement {
    server::prepare(job);
    let workers = job.number("workers");
    let result = match job.system() {
        System::Ours => serve_ours(workers),
        tokio @ (System::TokioCurrent | System::TokioMulti) => serve_tokio(tokio, workers),
        other => panic!("{other:?} speaks no WebSocket here"),
    };
    panic!("the server ended: {result:?}")
}

fn serve_ours(workers: usize) -> io::Result<()> {
    fn echo(stream: ours::TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let socket = ws::accept(stream)?;
        while let Some(message) = socket.read()? {
            socket.send(message)?;
        }
        Ok(())
    }
    ours::Ours::run(workers, move || {
        let listener = ours::TcpListener::bind("127.0.0.1:0")?;
        server::announce(listener.local_addr()?.port());
        for stream in listener.incoming() {
            let stream = stream?;
            greenstd::thread::spawn(move || echo(stream));
        }
        Ok(())
    })
}

fn serve_tokio(system: System, workers: usize) -> io::Result<()> {
    use tokio::net::{TcpListener, TcpStream};
    async fn echo(stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let accepted = tokio_tungstenite::accept_async(stream).await;
        let mut socket = accepted.map_err(io::Error::other)?;
        while let Some(message) = socket.next().await {
            let message = message.map_err(io::Error::other)?;
            if message.is_text() || message.is_binary() {
                socket.send(message).await.map_err(io::Error::other)?;
            }
        }
        Ok(())
    }
    on_tokio::run(system, workers, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        server::announce(listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(echo(stream));
        }
    })
}
