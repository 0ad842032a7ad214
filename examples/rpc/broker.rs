//! Who is connected, what he provides, and what he wants to hear.
//!
//! Nothing waits under the lock: what goes to others is put into their outboxes, and whoever has
//! let his fill up is disconnected, so that one who is slow costs a bounded outbox and delays
//! nobody.

use std::collections::{HashMap, HashSet};
use std::net::Shutdown;
use std::sync::Arc;

use greenstd::channel::{self, RecvTimeoutError, Sender};
use greenstd::io::Duplex;
use greenstd::net::http::Upgraded;
use greenstd::net::ws::WebSocket;
use greenstd::sync::{Mutex, MutexGuard, PoisonError};
use serde_json::{Value, json};

use crate::limits;
use crate::procedures;

/// Knows all clients.
#[derive(Default)]
pub struct Broker {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    last_id: u64,
    clients: HashMap<u64, Outbox>,
    procedures: HashMap<String, u64>,
    topics: HashMap<String, HashSet<u64>>,
    /// Invocations that are under way: who is to answer, and whom.
    calls: HashMap<u64, (u64, Sender<Outcome>)>,
}

/// What has come of a call.
type Outcome = Result<Value, String>;

/// How a client is reached.
#[derive(Clone)]
pub struct Outbox {
    pub letters: Sender<Letter>,
    pub socket: Arc<WebSocket<Upgraded>>,
}

/// What a client is to be sent.
pub enum Letter {
    Text(String),
    /// And nothing after that.
    Farewell,
}

impl Outbox {
    /// Puts a letter into it, or else disconnects the client. Never waits.
    fn put(&self, letter: Letter) {
        if self.letters.try_send(letter).is_err() {
            // Both of its green threads see that; it may have gone already.
            let _ = self.socket.get_ref().shutdown(Shutdown::Both);
        }
    }
}

impl Broker {
    /// Takes up a client; None once the server stops.
    pub fn enter(&self, outbox: Outbox) -> Option<u64> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        let id = state.next_id();
        state.clients.insert(id, outbox);
        Some(id)
    }

    /// Forgets a client. Whoever waits for an answer of his is told.
    pub fn leave(&self, client: u64) {
        let mut state = self.state();
        state.clients.remove(&client);
        state.procedures.retain(|_, provider| *provider != client);
        state.topics.retain(|_, subscribers| {
            subscribers.remove(&client);
            !subscribers.is_empty()
        });
        state.calls.retain(|_, (provider, _)| *provider != client);
    }

    /// Says farewell to all, and takes up nobody any more.
    pub fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.clients.values().for_each(|outbox| outbox.put(Letter::Farewell));
    }

    /// Blocks until a procedure has been called, here or by whoever provides it.
    pub fn call(&self, name: &str, arguments: &[Value]) -> Outcome {
        if procedures::exists(name) {
            return procedures::call(name, arguments);
        }
        let (answer, outcome) = channel::bounded(1);
        let invocation = {
            let mut state = self.state();
            let provider = *state.procedures.get(name).ok_or(format!("nobody provides {name}"))?;
            let id = state.next_id();
            state.calls.insert(id, (provider, answer));
            let message = json!(["invoke", id, name, arguments]).to_string();
            state.put(provider, message);
            id
        };
        // However this thread ends.
        let _forgotten = Call { broker: self, invocation };
        outcome.recv_timeout(limits::CALL_TIMEOUT).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(format!("{name} takes too long")),
            RecvTimeoutError::Disconnected => Err(format!("who provides {name} has gone")),
        })
    }

    /// Passes an answer on, if somebody still waits for it from this client.
    pub fn answer(&self, client: u64, invocation: u64, outcome: Outcome) {
        let mut state = self.state();
        if state.calls.get(&invocation).is_some_and(|(provider, _)| *provider == client)
            && let Some((_, answer)) = state.calls.remove(&invocation)
        {
            // There is room for one, and this is the only one; the caller may have gone.
            let _ = answer.try_send(outcome);
        }
    }

    /// The answer is sent from here, so that no call of it comes before that.
    pub fn register(&self, client: u64, name: &str, answer: &Value) -> Result<(), String> {
        let mut state = self.state();
        if procedures::exists(name) || state.procedures.contains_key(name) {
            return Err(format!("{name} is provided already"));
        }
        state.check_room(client)?;
        state.procedures.insert(name.to_owned(), client);
        state.put(client, answer.to_string());
        Ok(())
    }

    /// The answer is sent from here, so that no event comes before that.
    pub fn subscribe(&self, client: u64, topic: &str, answer: &Value) -> Result<(), String> {
        let mut state = self.state();
        state.check_room(client)?;
        state.topics.entry(topic.to_owned()).or_default().insert(client);
        state.put(client, answer.to_string());
        Ok(())
    }

    pub fn unsubscribe(&self, client: u64, topic: &str) {
        let mut state = self.state();
        let Some(subscribers) = state.topics.get_mut(topic) else { return };
        subscribers.remove(&client);
        if subscribers.is_empty() {
            state.topics.remove(topic);
        }
    }

    /// Sends a value to all who want to hear of a topic, and returns how many these are.
    pub fn publish(&self, topic: &str, value: &Value) -> usize {
        let state = self.state();
        let Some(subscribers) = state.topics.get(topic) else { return 0 };
        let message = json!(["event", topic, value]).to_string();
        subscribers.iter().for_each(|client| state.put(*client, message.clone()));
        subscribers.len()
    }

    /// Each change is a single step, so a poisoned lock has nothing half done behind it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn put(&self, client: u64, message: String) {
        if let Some(outbox) = self.clients.get(&client) {
            outbox.put(Letter::Text(message));
        }
    }

    fn check_room(&self, client: u64) -> Result<(), String> {
        let procedures = self.procedures.values().filter(|provider| **provider == client).count();
        let topics = self.topics.values().filter(|all| all.contains(&client)).count();
        match procedures + topics < limits::NAMES {
            true => Ok(()),
            false => Err(format!("no client has more than {} names", limits::NAMES)),
        }
    }
}

/// An invocation that somebody waits for.
struct Call<'b> {
    broker: &'b Broker,
    invocation: u64,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.broker.state().calls.remove(&self.invocation);
    }
}
