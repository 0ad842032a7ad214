//! Static files: what a request's path names below a folder, with ranges and conditions.
//!
//! # Invariants
//!
//! 1. Nothing outside of the folder is opened, whatever the path says and wherever links point: the
//!    kernel resolves it beneath the folder (`open`).
//! 2. A file is opened and looked at in one job of the blocking pool, so what is told of it, its
//!    length above all, is that of the file that is sent.

mod conditions;
mod media_type;
mod open;
mod path;
mod range;

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use greenstd_runtime::blocking;

use self::conditions::{is_range_wanted, is_unchanged};
use self::open::Root;
use self::range::Range;
use super::reply::{IntoResponse, Response, ResponseBody};

/// What a folder's own page is called.
const INDEX: &str = "index.html";

/// Answers requests by the files of a folder. Cheap to clone.
///
/// A path names a file below the folder. It is decoded first; what would leave the folder, by `..`,
/// by an encoded slash or by a link, is not there, and neither are hidden files. For a folder its
/// `index.html` is sent. `GET` and `HEAD` are answered, with `ETag` and `Last-Modified`, by 304
/// where the client's copy is good (`If-None-Match`, `If-Modified-Since`), and by 206 where it asks
/// for one range of bytes (`Range`, `If-Range`). Requests for several ranges get the whole file, as
/// RFC 9110 allows.
///
/// Files are opened by the blocking pool, and read as files of this library are. Works on threads
/// of either kind.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::http::{HttpServer, Request, StaticFiles};
///
/// let files = StaticFiles::new("/var/www")?;
/// let server = HttpServer::builder()
///     .start("127.0.0.1:8080", move |request: Request| files.serve(&request))?;
/// server.serve_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StaticFiles {
    root: Arc<Root>,
}

impl StaticFiles {
    /// Makes one for the folder at `root`, which it keeps open. Blocks.
    ///
    /// # Errors
    ///
    /// Those of opening the folder.
    pub fn new(root: impl AsRef<Path>) -> io::Result<StaticFiles> {
        let root = root.as_ref().to_owned();
        let root = blocking(move || Root::open(&root))?;
        Ok(StaticFiles { root: Arc::new(root) })
    }

    /// Answers a request by its own path. Blocks while a file is opened.
    pub fn serve<B>(&self, request: &::http::Request<B>) -> Response {
        self.serve_path(request, request.uri().path())
    }

    /// Answers a request by another path, such as what is left of its own without a prefix.
    pub fn serve_path<B>(&self, request: &::http::Request<B>, path: &str) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allowed);
            return response;
        }
        let Some(relative) = path::below_root(path) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        match self.find(&relative, path.ends_with('/')) {
            Ok(Found::File(file, metadata)) => {
                let name = if path.ends_with('/') { INDEX } else { &relative };
                answer(request.headers(), name, file, &metadata)
            }
            Ok(Found::Folder) => redirect(path),
            Err(error) => refusal(&error),
        }
    }

    fn find(&self, relative: &str, names_folder: bool) -> io::Result<Found> {
        let mut wanted = relative.to_owned();
        if names_folder {
            wanted = if wanted.is_empty() { INDEX.to_owned() } else { format!("{wanted}/{INDEX}") };
        } else if wanted.is_empty() {
            wanted = ".".to_owned();
        }
        let root = Arc::clone(&self.root);
        let (file, metadata) = blocking(move || root.file(Path::new(&wanted)))?;
        match metadata {
            metadata if metadata.is_file() => Ok(Found::File(file.into(), metadata)),
            metadata if metadata.is_dir() && !names_folder => Ok(Found::Folder),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

enum Found {
    File(greenstd_runtime::fs::File, Metadata),
    Folder,
}

fn answer(
    headers: &HeaderMap,
    name: &str,
    file: greenstd_runtime::fs::File,
    metadata: &Metadata,
) -> Response {
    let length = metadata.len();
    let modified = modified(metadata);
    let nanos = metadata.mtime_nsec() as u64;
    let tag = format!("\"{:x}.{nanos:x}-{length:x}\"", metadata.mtime());
    let mut response = if is_unchanged(headers, &tag, modified) {
        let mut response = Response::new(ResponseBody::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else if is_range_wanted(headers, &tag, modified) {
        part(headers, file, length)
    } else {
        Response::new(ResponseBody::part_of_file(file, 0, length))
    };
    let is_sent = response.status().is_success();
    let fields = response.headers_mut();
    if is_sent {
        let kind = HeaderValue::from_static(media_type::of(name));
        fields.insert(header::CONTENT_TYPE, kind);
    }
    fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fields.insert(header::ETAG, HeaderValue::try_from(tag).expect("digits are a header's value"));
    let date = HeaderValue::try_from(httpdate::fmt_http_date(modified));
    fields.insert(header::LAST_MODIFIED, date.expect("a date is a header's value"));
    response
}

/// When the file has changed, to the second; not before the epoch, which no date can tell.
fn modified(metadata: &Metadata) -> SystemTime {
    let seconds = u64::try_from(metadata.mtime()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The range that is asked for, or why there is none.
fn part(headers: &HeaderMap, file: greenstd_runtime::fs::File, length: u64) -> Response {
    match range::wanted(headers, length) {
        Range::Whole => Response::new(ResponseBody::part_of_file(file, 0, length)),
        Range::Part { first, count } => {
            let last = first + count - 1;
            let body = ResponseBody::part_of_file(file, first, count);
            with_range(StatusCode::PARTIAL_CONTENT, body, &format!("bytes {first}-{last}/{length}"))
        }
        Range::Beyond => with_range(
            StatusCode::RANGE_NOT_SATISFIABLE,
            ResponseBody::empty(),
            &format!("bytes */{length}"),
        ),
    }
}

fn with_range(status: StatusCode, body: ResponseBody, range: &str) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let range = HeaderValue::from_str(range).expect("digits are a header's value");
    response.headers_mut().insert(header::CONTENT_RANGE, range);
    response
}

/// To the same folder with a slash at its end, so that relative links in its page are right.
fn redirect(path: &str) -> Response {
    let mut response = StatusCode::MOVED_PERMANENTLY.into_response();
    // Never two slashes at the begin, which would name another host.
    let place = format!("/{}/", path.trim_start_matches(['/', '\\']));
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

fn refusal(error: &io::Error) -> Response {
    use io::ErrorKind::{CrossesDevices, InvalidFilename, NotADirectory, NotFound};
    match error.kind() {
        // The fourth is what leaves the folder.
        NotFound | NotADirectory | InvalidFilename | CrossesDevices => {}
        io::ErrorKind::PermissionDenied => {}
        _ if error.raw_os_error() == Some(libc::ELOOP) => {}
        _ => {
            tracing::error!(%error, "a file cannot be served");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    }
    StatusCode::NOT_FOUND.into_response()
}
