//! Queues with limits, orders and an end: work handed from producers to workers.
