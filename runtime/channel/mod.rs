//! Channels with many senders and many receivers: rendezvous, bounded, unbounded.
