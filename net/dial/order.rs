//! Which of several addresses is tried first.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;

/// Which address families a [`Dialer`](crate::Dialer) tries, and in what order.
///
/// Inside of a family the order of the addresses is kept, which is that of the resolver: the
/// system's own sorts them by RFC 6724.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FamilyOrder {
    /// In turns, beginning with the family of the first address (RFC 8305, section 4).
    #[default]
    Interleaved,
    /// In turns, beginning with IPv6.
    Ipv6First,
    /// In turns, beginning with IPv4.
    Ipv4First,
    /// IPv6 and nothing else.
    Ipv6Only,
    /// IPv4 and nothing else.
    Ipv4Only,
    /// As the addresses were given.
    AsGiven,
}

impl FamilyOrder {
    /// The addresses in the order in which they are to be tried, each once.
    pub(super) fn arrange(self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let mut seen = HashSet::with_capacity(addresses.len());
        addresses.retain(|address| seen.insert(*address));
        let begins_with_v6 = match self {
            FamilyOrder::Interleaved => addresses.first().is_some_and(SocketAddr::is_ipv6),
            FamilyOrder::Ipv6First => true,
            FamilyOrder::Ipv4First => false,
            FamilyOrder::Ipv6Only => {
                addresses.retain(SocketAddr::is_ipv6);
                return addresses;
            }
            FamilyOrder::Ipv4Only => {
                addresses.retain(SocketAddr::is_ipv4);
                return addresses;
            }
            FamilyOrder::AsGiven => return addresses,
        };
        let (mut turn, mut other): (VecDeque<_>, VecDeque<_>) =
            addresses.iter().partition(|address| address.is_ipv6() == begins_with_v6);
        addresses.clear();
        while let Some(address) = turn.pop_front().or_else(|| other.pop_front()) {
            addresses.push(address);
            // Whose turn it is has nothing left: the other goes on.
            if !other.is_empty() {
                std::mem::swap(&mut turn, &mut other);
            }
        }
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses by short names: the last digit of the address, `4` or `6` before it.
    fn addresses(names: &str) -> Vec<SocketAddr> {
        let address = |name: &str| match name.split_at(1) {
            ("4", number) => format!("127.0.0.{number}:80").parse().unwrap(),
            (_, number) => format!("[::{number}]:80").parse().unwrap(),
        };
        names.split_whitespace().map(address).collect()
    }

    #[test]
    fn families_take_turns_and_keep_their_own_order() {
        use FamilyOrder::*;
        let rows = [
            (Interleaved, "61 62 63 41 42", "61 41 62 42 63"),
            (Interleaved, "41 61 62 63", "41 61 62 63"),
            (Interleaved, "41 42 43", "41 42 43"),
            (Interleaved, "", ""),
            (Ipv6First, "41 42 61", "61 41 42"),
            (Ipv6First, "41 42", "41 42"),
            (Ipv4First, "61 62 63 41", "41 61 62 63"),
            (Ipv6Only, "61 41 62", "61 62"),
            (Ipv4Only, "61 62", ""),
            (AsGiven, "61 62 41 61 42", "61 62 41 42"),
            (Interleaved, "61 61 41 41 61", "61 41"),
        ];
        for (order, given, expected) in rows {
            assert_eq!(order.arrange(addresses(given)), addresses(expected), "{order:?} {given}");
        }
    }
}
