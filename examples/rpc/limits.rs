//! What one client may cost.

use std::time::Duration;

/// One that is longer fails its connection.
pub const MESSAGE_BYTES: usize = 64 << 10;

/// Messages that wait for a client to take them: with those of the length above, 16 MiB.
pub const OUTBOX: usize = 256;

/// Calls of one client that are under way.
pub const CALLS: usize = 32;

/// Procedures and topics of one client, together.
pub const NAMES: usize = 100;

pub const NAME_BYTES: usize = 128;

/// For a call.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// For the farewells when the server stops.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long nothing is said before the peer is pinged. Browsers answer by themselves.
pub const PING_INTERVAL: Duration = Duration::from_secs(20);

/// After so long without a byte, or without room for one, the peer has gone.
pub const SILENCE: Duration = Duration::from_secs(60);
