//! The way of a message to all who wait, in this process or in several.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::log::Log;
use crate::message::{Message, Said};
use crate::redis_bus::RedisBus;

pub enum Bus {
    InProcess(Arc<Log>),
    Redis(Box<RedisBus>),
}

impl Bus {
    pub fn in_process(log: &Arc<Log>) -> Bus {
        Bus::InProcess(Arc::clone(log))
    }

    pub fn by_redis(url: &str, log: &Arc<Log>) -> redis::RedisResult<Bus> {
        RedisBus::connect(url, log).map(|bus| Bus::Redis(Box::new(bus)))
    }

    /// Publishes a message. Blocks until the bus has it; after an error it may have.
    pub fn publish(&self, said: &Said) -> redis::RedisResult<()> {
        match self {
            Bus::InProcess(log) => {
                log.add(|newest| Message::new(now_micros().max(newest + 1), said));
                Ok(())
            }
            Bus::Redis(bus) => bus.publish(said),
        }
    }
}

fn now_micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
