//! Dialing: a connection to whichever address of a host answers first (RFC 8305).
//!
//! One thread, the caller, waits for all attempts of a dial at once. The sockets are on its stack,
//! so whatever ends the dial (success, a kill, a timeout scope, a panic) closes those that have not
//! won. `order` decides what is tried after what, `race` runs the attempts, `error` tells of all
//! that have failed.

mod error;
mod order;
mod race;

use greenstd_runtime::time;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::address::{ToSocketAddrs, nothing_to_connect_to};
use crate::tcp::{TcpConnector, TcpStream};

use self::race::Race;

pub use self::error::DialError;
pub use self::order::FamilyOrder;

/// Opens a TCP connection to whichever address of `addr` answers first, parking the caller until
/// one does: [`Dialer::dial`] with its defaults.
///
/// # Errors
///
/// As [`Dialer::dial`].
///
/// # Examples
///
/// ```
/// let listener = greenstd_net::TcpListener::bind("127.0.0.1:0")?;
/// // Over IPv6 nobody listens there, which costs no time.
/// let port = listener.local_addr()?.port();
/// let addresses = [([0, 0, 0, 0, 0, 0, 0, 1], port).into(), ([127, 0, 0, 1], port).into()];
/// assert!(greenstd_net::dial(&addresses[..])?.peer_addr()?.is_ipv4());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn dial<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
    Dialer::new().dial(addr)
}

/// Dials: races the addresses of a host against each other ("Happy Eyeballs", RFC 8305).
///
/// Attempts begin one after the other, each 250 ms after the one before it or as soon as one has
/// failed, with the address families taking turns. The first connection that is established is the
/// one; all others are given up. So a host whose IPv6 leads nowhere costs a quarter of a second,
/// not minutes. There is one deadline for everything, the look-up of the name included: 30 s.
///
/// Works on green threads and on plain OS threads; for several addresses the latter use the reactor
/// of the global runtime, which is started if need be. Kills and timeout scopes end a dial, and no
/// descriptor is left. A dialer can be used again and again, by several threads at once. As Go's
/// `net.Dialer`, but that the addresses of one family race each other, too.
///
/// # Limits
///
/// At most 64 attempts of a dial are under way at once; the oldest is given up for the next.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::{Dialer, TcpConnector};
/// use std::time::Duration;
///
/// let dialer = Dialer::new()
///     .connector(TcpConnector::new().nodelay(true))
///     .timeout(Duration::from_secs(5));
/// let stream = dialer.dial("example.com:443")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a dialer dials when it is told to"]
pub struct Dialer {
    connector: TcpConnector,
    order: FamilyOrder,
    attempt_delay: Duration,
    attempt_timeout: Option<Duration>,
    timeout: Option<Duration>,
}

/// "Connection Attempt Delay" of RFC 8305, section 8: recommended, and least.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
const ATTEMPT_DELAY_MIN: Duration = Duration::from_millis(10);

/// Long enough for a SYN that was lost four times (1 + 2 + 4 + 8 s), and less than what whoever
/// waits for an answer has patience for.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Dialer {
    /// A dialer with the defaults: 30 s for everything, 250 ms between attempts, families in turns.
    pub fn new() -> Dialer {
        Dialer {
            connector: TcpConnector::new(),
            order: FamilyOrder::Interleaved,
            attempt_delay: ATTEMPT_DELAY,
            attempt_timeout: None,
            timeout: Some(TIMEOUT),
        }
    }

    /// Sets what makes the sockets: options, and the address to connect from. If there is such an
    /// address, those of the other family are not tried.
    pub fn connector(mut self, connector: TcpConnector) -> Dialer {
        self.connector = connector;
        self
    }

    /// Sets which address families are tried, and in what order.
    pub fn family_order(mut self, order: FamilyOrder) -> Dialer {
        self.order = order;
        self
    }

    /// Sets how long after the begin of an attempt the next one begins, if none has failed before.
    /// Less than 10 ms counts as 10 ms, which RFC 8305 demands as a mercy to networks.
    pub fn attempt_delay(mut self, delay: Duration) -> Dialer {
        self.attempt_delay = delay.max(ATTEMPT_DELAY_MIN);
        self
    }

    /// Sets how long one attempt may take; `None`, the default, for as long as the dial lasts.
    pub fn attempt_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Dialer {
        self.attempt_timeout = timeout.into();
        self
    }

    /// Sets how long a dial may take, with the look-up of the name; `None` for as long as it takes.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Dialer {
        self.timeout = timeout.into();
        self
    }

    /// Opens a connection to whichever address of `addr` answers first, parking the caller until
    /// one does.
    ///
    /// A connection of a socket to itself, which the system makes now and then of an attempt to
    /// reach an unused port of its own host, counts as refused.
    ///
    /// # Errors
    ///
    /// - A [`DialError`] inside of the `io::Error`, if no address has answered: it tells what
    ///   became of each. The kind is `TimedOut` if the time for everything was up, else that of the
    ///   last attempt that has failed.
    /// - `InvalidInput` if there is no address, or none of the wanted family.
    /// - That of the look-up; `TimedOut` if it took too long.
    pub fn dial<A: ToSocketAddrs>(&self, addr: A) -> io::Result<TcpStream> {
        let deadline = self.timeout.and_then(|timeout| time::now().checked_add(timeout));
        let found = addr.to_socket_addrs_until(deadline)?;
        let suitable = found.filter(|address| self.connector.suits(address)).collect();
        let addresses: Vec<SocketAddr> = self.order.arrange(suitable);
        if addresses.is_empty() {
            return Err(nothing_to_connect_to());
        }
        Race::new(self, addresses, deadline).run()
    }
}

impl Default for Dialer {
    fn default() -> Dialer {
        Dialer::new()
    }
}
