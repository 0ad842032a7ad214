//! Many connections with everything at once: messages, pings, timeouts and kills, by seed.

use crate::fixture::narrow;
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::net::DuplexStream;
use greenstd::net::ws::{Message, WebSocket};
use greenstd::thread;
use greenstd::time::timeout;
use std::sync::Arc;
use std::time::Duration;

/// Senders that are killed or timed out send each number at most once, whole and in order of its
/// sender; those that came to their end have sent it.
fn everything_at_once(workers: usize) {
    let mut random = Random::from_environment();
    on_workers(workers, move || {
        let connections: Vec<_> = (0..20)
            .map(|_| {
                let random = random.fork();
                greenstd::spawn(move || one_connection(random))
            })
            .collect();
        for connection in connections {
            connection.join().unwrap();
        }
    });
}

fn one_connection(mut random: Random) {
    let (client, server) = narrow(200 + random.below(2000) as usize);
    let (client, server) = (Arc::new(client), Arc::new(server));
    let (there, back) = (random.fork(), random.fork());
    let ends = [(client.clone(), server.clone(), there), (server, client, back)];
    let directions =
        ends.map(|(from, to, random)| greenstd::spawn(move || one_direction(&from, &to, random)));
    for direction in directions {
        direction.join().unwrap();
    }
}

fn one_direction(
    from: &Arc<WebSocket<DuplexStream>>,
    to: &Arc<WebSocket<DuplexStream>>,
    mut random: Random,
) {
    const COUNT: u32 = 100;
    let reader = {
        let (to, mut random) = (to.clone(), random.fork());
        greenstd::spawn(move || read_all(&to, &mut random))
    };
    let mut sure = Vec::new();
    for number in 0..COUNT {
        let message = message(number, random.below(3000) as usize);
        match random.below(6) {
            0 => {
                let from = from.clone();
                let sender = greenstd::spawn(move || from.send(message).unwrap());
                thread::sleep(Duration::from_micros(random.below(50)));
                sender.kill().unwrap();
                if sender.join().is_ok() {
                    sure.push(number);
                }
            }
            1 => {
                let time = Duration::from_micros(random.below(50));
                if timeout(time, || from.send(message).unwrap()).is_ok() {
                    sure.push(number);
                }
            }
            2 => {
                from.ping(vec![0; random.below(126) as usize]).unwrap();
                from.send(message).unwrap();
                sure.push(number);
            }
            _ => {
                from.send(message).unwrap();
                sure.push(number);
            }
        }
    }
    from.send("end").unwrap();
    let received = reader.join().unwrap();
    assert!(received.windows(2).all(|two| two[0] < two[1]), "doubled or swapped: {received:?}");
    assert!(sure.iter().all(|number| received.binary_search(number).is_ok()), "lost");
}

fn message(number: u32, bytes: usize) -> Vec<u8> {
    let mut message = number.to_le_bytes().to_vec();
    message.resize(4 + bytes, number as u8);
    message
}

fn read_all(to: &WebSocket<DuplexStream>, random: &mut Random) -> Vec<u32> {
    let mut received = Vec::new();
    loop {
        // Outside of the scope: what is read in its last moment counts.
        let time = Duration::from_micros(20 + random.below(100));
        let mut read = None;
        let outcome = timeout(time, || read = to.read().unwrap());
        match read {
            Some(Message::Binary(bytes)) => {
                let (number, rest) = bytes.split_first_chunk().unwrap();
                let number = u32::from_le_bytes(*number);
                assert!(rest.iter().all(|byte| *byte == number as u8), "a mixture");
                received.push(number);
            }
            Some(_) => return received,
            None => assert!(outcome.is_err(), "closed"),
        }
    }
}

#[test]
fn everything_at_once_on_one_worker() {
    everything_at_once(1);
}

#[test]
fn everything_at_once_on_two_workers() {
    everything_at_once(2);
}
