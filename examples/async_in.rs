//! An async crate in straight-line code: pages fetched by `reqwest`, each on a green thread.
//!
//! `async_in URL...` fetches all at once, and prints for each, in the order of the arguments, its
//! status and how many bytes came. Ends with code 1 if one could not be fetched, with 2 if there is
//! none to fetch.
//!
//! The sockets of `reqwest` are tokio's, so a tokio runtime has to be there, with one thread for
//! all of them. Its handle is entered for each poll and not around the wait: the green threads of a
//! worker are in and out of it in turns. All else, loops, `?` and the order of things, is as if the
//! calls blocked.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use greenstd::future::block_on_with;
use greenstd::thread;
use reqwest::{StatusCode, Url};
use tokio::runtime::{Builder, Handle};

/// For a page, from the look-up of its host to its last byte.
const PATIENCE: Duration = Duration::from_secs(20);

/// What every green thread fetches with.
#[derive(Clone)]
struct Client {
    client: reqwest::Client,
    runtime: Handle,
}

impl Client {
    /// Blocks the green thread until the page has come.
    fn get(&self, url: &str) -> reqwest::Result<(StatusCode, usize)> {
        block_on_with(|| self.runtime.enter(), async {
            let mut response = self.client.get(url).send().await?;
            let mut bytes = 0;
            while let Some(chunk) = response.chunk().await? {
                bytes += chunk.len();
            }
            Ok((response.status(), bytes))
        })
    }
}

fn main() -> ExitCode {
    let urls: Vec<String> = env::args().skip(1).collect();
    if urls.is_empty() || urls.iter().any(|url| Url::parse(url).is_err()) {
        eprintln!("usage: async_in URL...");
        return ExitCode::from(2);
    }
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("there is room for a thread");
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
    let client = Client {
        client: client.expect("these settings go together"),
        runtime: runtime.handle().clone(),
    };

    let fetching: Vec<_> = urls
        .iter()
        .map(|url| {
            let (client, url) = (client.clone(), url.clone());
            thread::spawn(move || client.get(&url))
        })
        .collect();
    let mut has_failed = false;
    for (url, fetched) in urls.iter().zip(fetching) {
        match fetched.join().expect("nothing here panics") {
            Ok((status, bytes)) => println!("{url}: {}: {bytes} bytes", status.as_u16()),
            Err(error) => {
                has_failed = true;
                println!("{url}: failed: {}", reason(&error));
            }
        }
    }
    if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The innermost of what an error says.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
