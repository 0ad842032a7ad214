//! Several processes as one chat, by Redis: its publish-subscribe for what comes, and a list for
//! what was.
//!
//! The driver is the plain blocking one, so its waits are on OS threads: one that listens, and
//! those of `blocking` while a message is sent. One script numbers a message, keeps it and
//! publishes it, all at once. So whoever subscribes first and reads the list then has missed
//! nothing, however long it was without a connection.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use greenstd::blocking::blocking;
use greenstd::sync::Mutex;
use redis::{Client, Connection, RedisResult};

use crate::log::{Log, MESSAGES_MAX};
use crate::message::{Message, Said};

const CHANNEL: &str = "greenstd:chat";
const LIST: &str = "greenstd:chat:messages";
const NEWEST: &str = "greenstd:chat:newest";

/// `KEYS`: the newest number, the list. `ARGV`: the channel, the message, the length of the list.
/// The clock is that of Redis, since each process has one of its own.
const PUBLISH: &str = r"
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local newest = tonumber(redis.call('GET', KEYS[1]) or '0')
    local number = string.format('%.0f', math.max(now, newest + 1))
    local message = number .. ' ' .. ARGV[2]
    redis.call('SET', KEYS[1], number)
    redis.call('RPUSH', KEYS[2], message)
    redis.call('LTRIM', KEYS[2], -ARGV[3], -1)
    redis.call('PUBLISH', ARGV[1], message)
    return redis.status_reply('OK')
";

/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// After such a silence the subscription is made anew: the connection may be dead.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Between two attempts to subscribe.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

pub struct RedisBus {
    client: Client,
    /// Of those who publish, one after the other.
    connection: Mutex<Option<Connection>>,
}

impl RedisBus {
    /// Blocks until Redis has answered, and has an OS thread listen to it from then on.
    pub fn connect(url: &str, log: &Arc<Log>) -> RedisResult<RedisBus> {
        let client = Client::open(url)?;
        let connection = Mutex::new(Some(open(&client)?));
        let (its_client, log) = (client.clone(), Arc::clone(log));
        thread::spawn(move || listen(&its_client, &log));
        Ok(RedisBus { client, connection })
    }

    /// Blocks the green thread until Redis has the message, and an OS thread of a pool meanwhile.
    pub fn publish(&self, said: &Said) -> RedisResult<()> {
        // Whoever was killed in here has taken the connection with it.
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let (connection, client, said) = (kept.take(), self.client.clone(), said.clone());
        *kept = Some(blocking(move || send(connection, &client, &said))?);
        Ok(())
    }
}

/// Returns the connection for the next one.
fn send(kept: Option<Connection>, client: &Client, said: &Said) -> RedisResult<Connection> {
    // A message is not sent twice, so whether the connection is alive is found out before.
    let kept = kept.and_then(|mut kept| redis::cmd("PING").exec(&mut kept).is_ok().then_some(kept));
    let mut connection = kept.map_or_else(|| open(client), Ok)?;
    redis::cmd("EVAL")
        .arg(PUBLISH)
        .arg(2)
        .arg((NEWEST, LIST, CHANNEL))
        .arg(said.as_str())
        .arg(MESSAGES_MAX)
        .exec(&mut connection)?;
    Ok(connection)
}

fn open(client: &Client) -> RedisResult<Connection> {
    let connection = client.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    Ok(connection)
}

/// Hands on what comes, for as long as the process lives.
fn listen(client: &Client, log: &Log) {
    let mut pause = PAUSE_MIN;
    loop {
        let mut is_subscribed = false;
        let error = match subscribe(client, log, &mut is_subscribed) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        if is_subscribed {
            pause = PAUSE_MIN;
            if error.is_timeout() {
                continue;
            }
        }
        eprintln!("chat: no word from Redis: {error}");
        thread::sleep(pause);
        pause = PAUSE_MAX.min(pause * 2);
    }
}

fn subscribe(client: &Client, log: &Log, is_subscribed: &mut bool) -> RedisResult<Infallible> {
    let mut connection = open(client)?;
    let mut subscription = connection.as_pubsub();
    subscription.subscribe(CHANNEL)?;
    let past: Vec<String> = redis::cmd("LRANGE").arg((LIST, 0, -1)).query(&mut open(client)?)?;
    past.iter().for_each(|entry| hand_on(entry, log));
    *is_subscribed = true;
    subscription.set_read_timeout(Some(SILENCE_MAX))?;
    loop {
        let entry: String = subscription.get_message()?.get_payload()?;
        hand_on(&entry, log);
    }
}

/// What others have put there may be anything.
fn hand_on(entry: &str, log: &Log) {
    let parsed = entry.split_once(' ').and_then(|(number, said)| {
        Some((number.parse().ok()?, Said::parse(said.as_bytes()).ok()?))
    });
    match parsed {
        Some((number, said)) => log.add(|_| Message::new(number, &said)),
        None => eprintln!("chat: no message, but in Redis: {entry:?}"),
    }
}
