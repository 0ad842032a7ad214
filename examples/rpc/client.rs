//! The commands of a client.

use std::io::{self, ErrorKind, Write};

use greenstd::group::Pool;
use greenstd::net::ws::{ClientStream, WebSocket, connect};
use greenstd::println;
use greenstd::process::{Command, Stdio};
use serde_json::{Value, json};

use crate::limits;

/// Prints the result of a call.
pub fn call(url: &str, procedure: &str, arguments: &[&str]) -> io::Result<()> {
    let socket = connect(url)?;
    let arguments: Vec<Value> = arguments.iter().copied().map(value_of).collect();
    let answer = ask(&socket, &json!(["call", 1, procedure, arguments]))?;
    println!("{}", answer[2]);
    socket.close()
}

/// Prints how many have got it.
pub fn publish(url: &str, topic: &str, value: &str) -> io::Result<()> {
    let socket = connect(url)?;
    let answer = ask(&socket, &json!(["publish", 1, topic, value_of(value)]))?;
    println!("{} subscribers", answer[2]);
    socket.close()
}

/// Prints what is published, until there were so many or the server ends.
pub fn subscribe(url: &str, topic: &str, count: Option<u64>) -> io::Result<()> {
    let socket = connect(url)?;
    ask(&socket, &json!(["subscribe", 1, topic]))?;
    println!("subscribed to {topic}");
    for _ in 0..count.unwrap_or(u64::MAX) {
        let event = read(&socket)?;
        println!("{}", event[2]);
    }
    socket.close()
}

/// Has a command run for each call: its input are the arguments, its output is the result.
pub fn provide(url: &str, procedure: &str, command: &str) -> io::Result<()> {
    let socket = connect(url)?;
    ask(&socket, &json!(["register", 1, procedure]))?;
    println!("providing {procedure}");
    let socket = std::sync::Arc::new(socket);
    let calls = Pool::new(limits::CALLS);
    loop {
        let invocation = read(&socket)?;
        let (id, arguments) = (invocation[1].clone(), invocation[3].to_string());
        let (socket, command) = (std::sync::Arc::clone(&socket), command.to_owned());
        // The message waits for room: the server has a limit for what is under way.
        calls.spawn(move || {
            let answer = match run(&command, &arguments) {
                Ok(value) => json!(["yield", id, value]),
                Err(error) => json!(["error", id, error.to_string()]),
            };
            socket.send(answer.to_string())
        });
    }
}

/// Runs a command; what it prints is JSON, or else text.
fn run(command: &str, arguments: &str) -> io::Result<Value> {
    let child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut communication = child.communicate(format!("{arguments}\n"));
    let output = communication.finish_timeout(limits::CALL_TIMEOUT).map_err(io::Error::other)?;
    if !output.status.success() {
        return Err(io::Error::other(format!("the command has ended with {}", output.status)));
    }
    Ok(value_of(String::from_utf8_lossy(&output.stdout).trim_end()))
}

/// JSON as such, and anything else as a string, to spare quotes on command lines.
fn value_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Sends a message and waits for its answer.
fn ask(socket: &WebSocket<ClientStream>, message: &Value) -> io::Result<Value> {
    socket.send(message.to_string())?;
    let answer = read(socket)?;
    match answer[0].as_str() {
        Some("error") => Err(io::Error::other(answer[2].as_str().unwrap_or("refused").to_owned())),
        _ => Ok(answer),
    }
}

fn read(socket: &WebSocket<ClientStream>) -> io::Result<Value> {
    // What was printed is to be seen before the wait.
    io::stdout().flush()?;
    let Some(message) = socket.read()? else {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server has ended"));
    };
    serde_json::from_slice(&message.into_data()).map_err(io::Error::from)
}
