//! Green threads in the service of a tokio program: `async_out ADDRESS` takes numbers apart.
//!
//! The connections are tasks of tokio, on one thread. The work is straight-line code on green
//! threads of another runtime, ours, which takes jobs from a channel. The tasks send jobs and await
//! answers; they block nobody while they do, and the green threads need not know who asks.
//!
//! A client sends lines: a number is answered by its factors, `sum` by how many were taken apart,
//! and `quit` ends the program, which awaits its green threads first.

use std::env;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenstd::channel::{self, Receiver, Sender};
use greenstd::thread;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

const WORKERS: usize = 4;

/// Jobs that wait for a green thread; a task that has one more waits itself.
const QUEUED: usize = 16;

/// So that no division takes longer than a few milliseconds.
const LARGEST: u64 = 1_000_000_000_000;

struct Job {
    number: u64,
    answer: Sender<String>,
}

fn main() -> ExitCode {
    let Some(address) = env::args().nth(1) else {
        eprintln!("usage: async_out ADDRESS");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.expect("there is room for a reactor").block_on(serve(&address));
    match served {
        Ok(count) => {
            println!("{count} numbers taken apart by {WORKERS} green threads");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("async_out: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str) -> io::Result<usize> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let (jobs, inbox) = channel::bounded(QUEUED);
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let inbox = inbox.clone();
            thread::spawn(move || work(&inbox))
        })
        .collect();
    drop(inbox);

    let (end, count) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = end.notified() => break,
        };
        let (jobs, end, count) = (jobs.clone(), Arc::clone(&end), Arc::clone(&count));
        clients.spawn(async move {
            if let Err(error) = converse(stream, &jobs, &end, &count).await {
                eprintln!("async_out: a client: {error}");
            }
        });
        while clients.try_join_next().is_some() {}
    }
    // Nobody is left who sends: this ends the workers, after what they have taken on.
    clients.shutdown().await;
    drop(jobs);
    let mut sum = 0;
    for worker in workers {
        sum += worker.await.expect("it does not panic");
    }
    Ok(sum)
}

/// A green thread: one job after another, as long as there may be some.
fn work(inbox: &Receiver<Job>) -> usize {
    let mut count = 0;
    for Job { number, answer } in inbox {
        // Its client may have gone.
        let _ = answer.send(take_apart(number));
        count += 1;
    }
    count
}

fn take_apart(number: u64) -> String {
    let (mut rest, mut divisor, mut factors) = (number, 2, Vec::new());
    while divisor * divisor <= rest {
        while rest % divisor == 0 {
            factors.push(divisor.to_string());
            rest /= divisor;
        }
        divisor += 1;
    }
    if rest > 1 || factors.is_empty() {
        factors.push(rest.to_string());
    }
    format!("{number} = {}", factors.join(" x "))
}

/// A task of tokio: a client.
async fn converse(
    mut stream: TcpStream,
    jobs: &Sender<Job>,
    end: &Notify,
    count: &AtomicUsize,
) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    let (answer, answers) = channel::bounded(1);
    while let Some(line) = lines.next_line().await? {
        let reply = match line.parse() {
            Ok(number @ 1..=LARGEST) => {
                let job = Job { number, answer: answer.clone() };
                jobs.send_async(job).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
                count.fetch_add(1, Ordering::Relaxed);
                answers.recv_async().await.expect("this task has a sender itself")
            }
            Ok(_) => format!("a number is from 1 to {LARGEST}"),
            Err(_) if line == "sum" => count.load(Ordering::Relaxed).to_string(),
            Err(_) if line == "quit" => {
                end.notify_one();
                return Ok(());
            }
            Err(_) => format!("no number: {line}"),
        };
        writer.write_all(format!("{reply}\n").as_bytes()).await?;
    }
    Ok(())
}
