//! Who waits for which descriptor, as the tables of the reactors know.

use super::SLICE;
use crate::engine::handle::ThreadId;
use crate::engine::shared::Shared;
use crate::engine::slot::Interest;
use crate::engine::tenants::Tenant;
use crate::engine::waiter::Waiter;
use rustix::net::{SocketAddrAny, SocketAddrUnix, getpeername, getsockname};
use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};

/// A descriptor that somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) fd: RawFd,
    pub(crate) interest: Interest,
    /// Of a socket.
    pub(crate) local: Option<String>,
    /// Of a connected socket.
    pub(crate) peer: Option<String>,
    /// Of what is no socket: what the kernel calls it.
    pub(crate) file: Option<String>,
}

impl Descriptor {
    fn unnamed(fd: RawFd) -> Descriptor {
        Descriptor { fd, interest: Interest::Read, local: None, peer: None, file: None }
    }
}

/// All waits for descriptors of a runtime, by green thread; with the names of the descriptors, if
/// `named`, which are some system calls each.
pub(super) fn waits(shared: &Shared, named: bool) -> HashMap<ThreadId, Vec<Descriptor>> {
    let mut waits: HashMap<ThreadId, Vec<Descriptor>> = HashMap::new();
    for reactor in shared.remotes().iter().filter_map(|remote| remote.reactor()) {
        for first in (0..).step_by(SLICE / 2) {
            let table = reactor.lock_table();
            let Some(tenants) = table.slice(first, SLICE / 2) else { break };
            for tenant in tenants {
                see(tenant, named, &mut waits);
            }
        }
    }
    waits
}

/// Adds those who wait for a descriptor. The caller holds the table, so it is not closed meanwhile
/// (`reactor` invariant 3).
fn see(tenant: &Tenant, named: bool, waits: &mut HashMap<ThreadId, Vec<Descriptor>>) {
    let mut described: Option<Descriptor> = None;
    tenant.source.for_each_waiter(|interest, waiter| {
        let Waiter::Fiber(fiber) = waiter else { return };
        let described = described.get_or_insert_with(|| match named {
            true => describe(tenant.fd),
            false => Descriptor::unnamed(tenant.fd),
        });
        let descriptor = described.clone();
        let threads = waits.entry(ThreadId::new(fiber.header().id)).or_default();
        threads.push(Descriptor { interest, ..descriptor });
    });
}

fn describe(fd: RawFd) -> Descriptor {
    // SAFETY: registered, so not closed, unless somebody has closed the number behind our back:
    // then the kernel tells of another descriptor, or of none.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let (local, file) = match getsockname(borrowed) {
        Ok(address) => (Some(text(address)), None),
        Err(_) => {
            let link = fs::read_link(format!("/proc/self/fd/{fd}"));
            (None, link.ok().map(|link| link.to_string_lossy().into_owned()))
        }
    };
    let peer = local.as_ref().and_then(|_| getpeername(borrowed).ok().flatten()).map(text);
    Descriptor { local, peer, file, ..Descriptor::unnamed(fd) }
}

fn text(address: SocketAddrAny) -> String {
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        return address.to_string();
    }
    match SocketAddrUnix::try_from(address.clone()) {
        Ok(unix) => match (unix.path_bytes(), unix.abstract_name()) {
            (Some(path), _) => String::from_utf8_lossy(path).into_owned(),
            (None, Some(name)) => format!("@{}", String::from_utf8_lossy(name)),
            (None, None) => "unnamed".to_owned(),
        },
        Err(_) => format!("{address:?}"),
    }
}
