//! A page that shows what the process does, for a server to mount somewhere.
//!
//! The page asks for the same as a console does (`diag::ask`), by paths below its own: `api/ps` is
//! the answer to `ps json`, `text/ps` that to `ps`, and so for each command, whose words are the
//! segments: `api/bt/17`. Whatever changes something is refused unless the program has allowed it,
//! and then takes a POST with a header that no other site's page can send.

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use greenstd_runtime::blocking::{self, BlockingPool};
use greenstd_runtime::diag::{self, CommandError};

use super::reply::{IntoResponse, Response};

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");

/// Where answers are made: not on a worker, which they would hold for some milliseconds, and not in
/// the pool that may be what somebody wants to look into.
const THREADS_MAX: usize = 2;

/// Beyond the few who look at a page at once.
const QUEUE_LIMIT: usize = 16;

/// How long somebody waits for his answer to begin.
const PATIENCE: Duration = Duration::from_secs(5);

/// The header without which nothing is changed.
const MARK: HeaderName = HeaderName::from_static("x-greenstd");

/// Only our own script, and nobody's frame.
const POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'self'; \
                      style-src 'unsafe-inline'; frame-ancestors 'none'";

/// A page that shows the green threads, workers, locks, pools and figures of the process, and the
/// same as JSON.
///
/// Whoever can open it sees names, places in the source, addresses and stacks: a program mounts it
/// where only those come who may, such as on a listener of its own on loopback. A clone is the
/// same.
///
/// | path | answer |
/// |---|---|
/// | `/` | the page, which asks for the rest once a second |
/// | `/api/ps`, `/api/top`, `/api/bt/ID`, … | JSON: the commands of [`diag::ask`] |
/// | `/text/ps` and so on | the same as text |
/// | POST `/api/kill/ID` | with a header `x-greenstd`, if [allowed](Diagnostics::allow_actions) |
/// | POST `/api/trace/ID/on`, `/off` | the same |
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::http::{Diagnostics, HttpServer, IntoResponse, Request, Response, StatusCode};
///
/// let diagnostics = Diagnostics::new();
/// let answer = move |request: Request| -> Response {
///     match request.uri().path().strip_prefix("/debug") {
///         Some(path) => diagnostics.serve_path(&request, path),
///         None => StatusCode::NOT_FOUND.into_response(),
///     }
/// };
/// HttpServer::builder().start("127.0.0.1:8080", answer)?.serve_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Diagnostics {
    pool: Arc<BlockingPool>,
    allows_actions: bool,
}

impl Default for Diagnostics {
    fn default() -> Diagnostics {
        Diagnostics::new()
    }
}

impl Diagnostics {
    /// Makes one that shows everything and changes nothing. It starts threads with its first
    /// answer, which leave when nobody looks.
    #[must_use]
    pub fn new() -> Diagnostics {
        let pool = blocking::Builder::new()
            .name("diagnostics")
            .max_threads(THREADS_MAX)
            .queue_limit(QUEUE_LIMIT)
            .build();
        Diagnostics { pool: Arc::new(pool), allows_actions: false }
    }

    /// Sets whether green threads may be killed and traced. The default is that they may not.
    #[must_use]
    pub fn allow_actions(mut self, allowed: bool) -> Diagnostics {
        self.allows_actions = allowed;
        self
    }

    /// Answers a request by its own path: for a server that has nothing else. Parks the calling
    /// green thread while the answer is made, some milliseconds as a rule.
    pub fn serve<B>(&self, request: &::http::Request<B>) -> Response {
        self.serve_path(request, request.uri().path())
    }

    /// Answers a request by what is left of its path without the prefix below which this is
    /// mounted.
    pub fn serve_path<B>(&self, request: &::http::Request<B>, path: &str) -> Response {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let mut response = match path {
            // Else what the page asks for would lie beside it.
            "" if is_read => redirect(request.uri().path()),
            "/" if is_read => typed("text/html; charset=utf-8", PAGE),
            "/page.js" if is_read => typed("text/javascript; charset=utf-8", SCRIPT),
            _ => self.command(request, path),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        response
    }

    fn command<B>(&self, request: &::http::Request<B>, path: &str) -> Response {
        let (words, is_json) = match (path.strip_prefix("/api/"), path.strip_prefix("/text/")) {
            (Some(words), _) => (words, true),
            (None, Some(words)) => (words, false),
            (None, None) => return StatusCode::NOT_FOUND.into_response(),
        };
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'/';
        if !words.bytes().all(is_plain) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let changes =
            words.starts_with("kill/") || words.ends_with("/on") || words.ends_with("/off");
        let is_allowed = match *request.method() {
            Method::POST => changes,
            Method::GET | Method::HEAD => !changes,
            _ => false,
        };
        if !is_allowed {
            let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
            let allowed = HeaderValue::from_static(if changes { "POST" } else { "GET, HEAD" });
            response.headers_mut().insert(header::ALLOW, allowed);
            return response;
        }
        if changes && (!self.allows_actions || !request.headers().contains_key(MARK)) {
            return StatusCode::FORBIDDEN.into_response();
        }
        let words = words.replace('/', " ");
        let command = if is_json { format!("{words} json") } else { words };
        let Ok(job) = self.pool.spawn_timeout(PATIENCE, move || diag::ask(&command)) else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        match job.join() {
            Ok(Ok(answer)) if is_json => typed("application/json", answer),
            Ok(Ok(answer)) => typed("text/plain; charset=utf-8", answer),
            Ok(Err(error)) => refusal(&error, is_json),
            // By the `Debug` of somebody's local, and told by the panic hook.
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

fn typed(kind: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn redirect(path: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(&format!("{path}/")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn refusal(error: &CommandError, is_json: bool) -> Response {
    let status = match error {
        CommandError::Unknown(_) | CommandError::NoSuchThread(_) => StatusCode::NOT_FOUND,
        CommandError::Usage(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    // All that a path can bring into the text are small letters and digits, which need no escape.
    let mut response = match is_json {
        true => typed("application/json", format!("{{\"error\":{:?}}}\n", error.to_string())),
        false => typed("text/plain; charset=utf-8", format!("{error}\n")),
    };
    *response.status_mut() = status;
    response
}
