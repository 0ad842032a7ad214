//! One request and its response: what is counted, logged and held until the last byte is sent.

use greenstd_runtime::time;
use std::sync::Arc;
use std::time::Instant;

use ::http::{Method, StatusCode, Uri, Version};
use hyper::body::Incoming;

use super::shared::{Link, Shared};

/// The target of the access log.
const ACCESS: &str = "greenstd::http::access";

/// Counts as a request under way until it is dropped, and is logged then.
pub(super) struct Exchange {
    link: Arc<Link>,
    permit: Option<Permit>,
    record: Option<Box<Record>>,
}

/// What the access log tells.
struct Record {
    begun: Instant,
    method: Method,
    uri: Uri,
    version: Version,
    status: Option<StatusCode>,
    bytes: u64,
}

impl Exchange {
    pub(super) fn begin(link: Arc<Link>, request: &::http::Request<Incoming>) -> Exchange {
        link.begin();
        let is_logged = tracing::enabled!(target: ACCESS, tracing::Level::INFO);
        let record = is_logged.then(|| {
            Box::new(Record {
                begun: time::now(),
                method: request.method().clone(),
                uri: request.uri().clone(),
                version: request.version(),
                status: None,
                bytes: 0,
            })
        });
        Exchange { link, permit: None, record }
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// There is a response, which is sent with a permit.
    pub(super) fn answered(&mut self, status: StatusCode, permit: Option<Permit>) {
        self.permit = permit;
        if let Some(record) = &mut self.record {
            record.status = Some(status);
        }
    }

    /// So many bytes of its body were given to hyper.
    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(record) = &mut self.record {
            record.bytes += bytes as u64;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.link.end();
        let Some(record) = self.record.take() else { return };
        tracing::info!(
            target: ACCESS,
            server = self.link.settings().name,
            peer = self.link.peer.map(tracing::field::display),
            method = %record.method,
            uri = %record.uri,
            version = ?record.version,
            // None: the peer has gone before there was a response.
            status = record.status.map(|status| status.as_u16()),
            bytes = record.bytes,
            duration_us = (time::now() - record.begun).as_micros() as u64,
        );
    }
}

/// The right to be one of the requests that are served at once; given back when dropped.
pub(super) struct Permit(Arc<Shared>);

impl Permit {
    /// Blocks until there is one; none where there is no limit.
    pub(super) fn take(shared: &Arc<Shared>) -> Option<Permit> {
        shared.permits.as_ref()?.acquire();
        Some(Permit(Arc::clone(shared)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(permits) = &self.0.permits {
            permits.release();
        }
    }
}
