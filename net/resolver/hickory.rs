//! Look-ups by hickory-resolver, which asks name servers itself, over UDP and TCP.
//!
//! It is made of futures that want tokio around them. So it lives on one OS thread of its own with
//! a single-threaded tokio; a look-up sends it a [`Query`], parks, and is unparked with the answer.
//! No green thread ever polls a future, and nothing of tokio is seen outside of this file.
//!
//! # Invariants
//!
//! 1. `in_flight` holds exactly the queries that are with the tokio thread.
//! 2. Each of them has a permit, so there are never more than the limit.
//! 3. A [`Job`] answers its query, with an error if it is dropped before it could: by a panic, or
//!    by the end of the tokio thread.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use greenstd_runtime::park::ServiceThread;
use greenstd_runtime::sync::Semaphore;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::system_conf::read_system_conf;
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::query::Query;
use super::{Answer, Resolve, timed_out};

/// Asks name servers by itself instead of through the system, with a cache that keeps each answer
/// for as long as its name server says (TTL), and none longer. Needs the feature `hickory`.
///
/// Look-ups of the same host that overlap share one answer. Kills, timeout scopes and deadlines end
/// the wait only; what has been asked is answered, for whoever else waits and for the cache. IPv6
/// addresses come first. Works on threads of either kind; all look-ups of one resolver share one OS
/// thread, on which they take turns without waiting for each other.
///
/// Names are looked up in the hosts file and in DNS, and nowhere else: what else the system may be
/// configured to ask (mDNS, LDAP) is not.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::{TcpStream, resolver::{self, HickoryResolver}};
/// use std::{sync::Arc, time::Duration};
///
/// let resolver = HickoryResolver::builder()
///     .name_servers(["192.0.2.53:53".parse().unwrap()])
///     .timeout(Duration::from_secs(1))
///     .build()?;
/// resolver::set_default(Arc::new(resolver));
/// let stream = TcpStream::connect("example.com:80")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct HickoryResolver {
    shared: Arc<Shared>,
    jobs: UnboundedSender<Job>,
}

/// Settings of a [`HickoryResolver`], made by [`HickoryResolver::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing by itself"]
pub struct HickoryBuilder {
    name_servers: Option<Vec<SocketAddr>>,
    timeout: Option<Duration>,
    attempts: Option<usize>,
    cache_entries: Option<u64>,
    cache_time: Option<Duration>,
    hosts_file: bool,
    look_ups: usize,
}

/// As many names as may wait for a thread of the system's resolver by default.
const LOOK_UPS: usize = 1024;

impl HickoryResolver {
    /// A builder with the name servers of the system's `/etc/resolv.conf`.
    pub fn builder() -> HickoryBuilder {
        HickoryBuilder {
            name_servers: None,
            timeout: None,
            attempts: None,
            cache_entries: None,
            cache_time: None,
            hosts_file: true,
            look_ups: LOOK_UPS,
        }
    }
}

impl HickoryBuilder {
    /// Sets the name servers to ask, over UDP, and over TCP where an answer is too long for it.
    pub fn name_servers(mut self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.name_servers = Some(servers.into_iter().collect());
        self
    }

    /// Sets how long a name server may take to answer one question; the system's setting, or 5 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often a question is asked again that was not answered; the system's setting, or 2.
    pub fn retries(mut self, retries: usize) -> Self {
        self.attempts = Some(retries);
        self
    }

    /// Sets how many answers are kept; zero keeps none.
    pub fn cache_entries(mut self, entries: u64) -> Self {
        self.cache_entries = Some(entries);
        self
    }

    /// Sets the longest time for which an answer, that there is none included, is kept, whatever
    /// the name server says.
    pub fn cache_time(mut self, longest: Duration) -> Self {
        self.cache_time = Some(longest);
        self
    }

    /// Sets whether `/etc/hosts` counts; it does by default, as it was when the resolver was made.
    pub fn hosts_file(mut self, is_used: bool) -> Self {
        self.hosts_file = is_used;
        self
    }

    /// Sets how many different names may be looked up at once, 1024 by default. Who wants to know
    /// one more waits.
    ///
    /// # Panics
    ///
    /// If `names` is zero.
    pub fn look_ups(mut self, names: usize) -> Self {
        assert!(names > 0, "HickoryBuilder::look_ups: zero look-ups find nothing");
        self.look_ups = names;
        self
    }

    /// Reads the system's configuration, where it is wanted, and starts the resolver's thread.
    ///
    /// # Errors
    ///
    /// `InvalidInput` without any name server; those of reading `/etc/resolv.conf`, of making an
    /// epoll set, and of starting a thread.
    pub fn build(self) -> io::Result<HickoryResolver> {
        let (mut config, mut options) = match &self.name_servers {
            Some(_) => (ResolverConfig::default(), ResolverOpts::default()),
            None => read_system_conf().map_err(|error| error_of(&error))?,
        };
        for server in self.name_servers.iter().flatten() {
            config.add_name_server(server_at(*server));
        }
        if config.name_servers().is_empty() {
            let message = "no name server to ask";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.apply(&mut options);
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(|error| error_of(&error))?;
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (jobs, incoming) = unbounded_channel();
        thread::Builder::new().name("greenstd-hickory".to_owned()).spawn(move || {
            let _service = ServiceThread::new();
            tokio.block_on(serve(resolver, incoming));
        })?;
        let permits = Semaphore::new(self.look_ups);
        let shared = Arc::new(Shared { permits, in_flight: Mutex::default() });
        Ok(HickoryResolver { shared, jobs })
    }

    fn apply(&self, options: &mut ResolverOpts) {
        options.timeout = self.timeout.unwrap_or(options.timeout);
        options.attempts = self.attempts.unwrap_or(options.attempts);
        options.cache_size = self.cache_entries.unwrap_or(options.cache_size);
        options.positive_max_ttl = self.cache_time.or(options.positive_max_ttl);
        options.negative_max_ttl = self.cache_time.or(options.negative_max_ttl);
        options.use_hosts_file =
            if self.hosts_file { ResolveHosts::Always } else { ResolveHosts::Never };
    }
}

impl Resolve for HickoryResolver {
    fn resolve(&self, host: &str, deadline: Option<Instant>) -> io::Result<Vec<SocketAddr>> {
        let under_way = self.shared.in_flight.lock().get(host).cloned();
        let query = match under_way {
            Some(query) => query,
            None => self.ask(host, Permit::acquire(&self.shared, deadline)?),
        };
        query.wait(deadline)
    }
}

impl fmt::Debug for HickoryResolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_flight = self.shared.in_flight.lock().len();
        formatter
            .debug_struct("HickoryResolver")
            .field("in_flight", &in_flight)
            .finish_non_exhaustive()
    }
}

impl HickoryResolver {
    /// Joins the query for `host`, if somebody has begun one meanwhile, or begins it.
    fn ask(&self, host: &str, permit: Permit) -> Arc<Query> {
        let mut in_flight = self.shared.in_flight.lock();
        if let Some(query) = in_flight.get(host) {
            return Arc::clone(query);
        }
        let query = Arc::new(Query::new(host));
        in_flight.insert(host.into(), Arc::clone(&query));
        drop(in_flight);
        // If the thread has died the job comes back, and answers with an error as it is dropped.
        let _ = self.jobs.send(Job { query: Arc::clone(&query), permit, answer: None });
        query
    }
}

struct Shared {
    permits: Semaphore,
    in_flight: Mutex<BTreeMap<Box<str>, Arc<Query>>>,
}

/// The right to have one query in flight.
struct Permit(Arc<Shared>);

impl Permit {
    fn acquire(shared: &Arc<Shared>, deadline: Option<Instant>) -> io::Result<Permit> {
        match deadline {
            None => shared.permits.acquire(),
            Some(deadline) if !shared.permits.acquire_until(deadline) => return Err(timed_out()),
            Some(_) => {}
        }
        Ok(Permit(Arc::clone(shared)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.permits.release();
    }
}

/// A query on its way to an answer.
struct Job {
    query: Arc<Query>,
    permit: Permit,
    answer: Option<Answer>,
}

impl Job {
    fn finish(mut self, answer: Answer) {
        self.answer = Some(answer);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let died = || Err(io::Error::other("the resolver's thread has died"));
        self.permit.0.in_flight.lock().remove(self.query.host());
        self.query.answer(self.answer.take().unwrap_or_else(died));
    }
}

/// The life of the resolver's thread: until the resolver is dropped.
async fn serve(resolver: TokioResolver, mut incoming: UnboundedReceiver<Job>) {
    while let Some(job) = incoming.recv().await {
        let resolver = resolver.clone();
        tokio::spawn(async move {
            let answer = look_up(&resolver, job.query.host()).await;
            job.finish(answer);
        });
    }
}

async fn look_up(resolver: &TokioResolver, host: &str) -> Answer {
    let found = resolver.lookup_ip(host).await.map_err(|error| error_of(&error))?;
    let mut addresses: Vec<IpAddr> = found.iter().collect();
    addresses.sort_by_key(IpAddr::is_ipv4);
    Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect())
}

fn server_at(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn error_of(error: &NetError) -> io::Error {
    let kind = match error {
        NetError::Timeout => io::ErrorKind::TimedOut,
        NetError::Io(error) => error.kind(),
        error if error.is_no_records_found() => io::ErrorKind::NotFound,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, format!("failed to lookup address information: {error}"))
}
