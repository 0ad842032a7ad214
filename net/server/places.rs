//! How many connections a server may have at once: in all, and from one peer.
//!
//! A permit is taken before a connection is accepted, so that what is beyond the limit stays in the
//! kernel's queue and costs nothing here. The peer is known only afterwards, so whoever has too
//! many connections is hung up on.

use std::collections::HashMap;
use std::net::IpAddr;

use greenstd_runtime::sync::Semaphore;
use parking_lot::Mutex;

use super::gate::Gate;

pub(super) struct Places {
    /// None without a limit.
    permits: Option<Semaphore>,
    most_per_peer: Option<usize>,
    /// Connections of each peer that has any; empty without a limit for each.
    peers: Mutex<HashMap<IpAddr, usize>>,
}

impl Places {
    pub(super) fn new(most: Option<usize>, most_per_peer: Option<usize>) -> Places {
        let peers = Mutex::new(HashMap::new());
        Places { permits: most.map(Semaphore::new), most_per_peer, peers }
    }

    /// Takes a permit, which is to be given back by [`release`](Places::release), and waits for one
    /// while the gate is open. False if it was paused or closed first.
    pub(super) fn acquire(&self, gate: &Gate) -> bool {
        let Some(permits) = &self.permits else { return true };
        permits.try_acquire() || gate.wait_for(permits).is_some()
    }

    pub(super) fn release(&self) {
        if let Some(permits) = &self.permits {
            permits.release();
        }
    }

    /// Counts one more connection of a peer. False, and it is not counted, if it has too many.
    pub(super) fn enter(&self, peer: Option<IpAddr>) -> bool {
        let (Some(peer), Some(most)) = (peer, self.most_per_peer) else { return true };
        let mut peers = self.peers.lock();
        let count = peers.entry(peer.to_canonical()).or_insert(0);
        let is_allowed = *count < most;
        *count += usize::from(is_allowed);
        is_allowed
    }

    /// Undoes [`enter`](Places::enter).
    pub(super) fn leave(&self, peer: Option<IpAddr>) {
        let (Some(peer), Some(_)) = (peer, self.most_per_peer) else { return };
        let mut peers = self.peers.lock();
        let peer = peer.to_canonical();
        let Some(count) = peers.get_mut(&peer) else { return };
        *count -= 1;
        if *count == 0 {
            peers.remove(&peer);
            // After a flood of peers the room they took goes back.
            if peers.capacity() > 1024 && peers.len() < peers.capacity() / 8 {
                peers.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_the_same_by_either_protocol() {
        let places = Places::new(None, Some(2));
        let peer = |text: &str| Some(text.parse::<IpAddr>().expect("it is an address"));
        assert!(places.enter(peer("192.0.2.1")) && places.enter(peer("::ffff:192.0.2.1")));
        assert!(!places.enter(peer("192.0.2.1")) && places.enter(peer("192.0.2.2")));
        assert!(places.enter(None), "who has no address has no limit");
        places.leave(peer("192.0.2.1"));
        assert!(places.enter(peer("192.0.2.1")));
        for left in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"] {
            places.leave(peer(left));
        }
        assert!(places.peers.lock().is_empty());
    }
}
