//! Those who echo beside hogs are served as if there were none.

use crate::flavour::Watchdog;
use crate::scene::{Ticks, be_alone, block, builder, runtime, spin};
use std::time::Duration;

const HOGGED_FOR: Duration = Duration::from_secs(3);
const CLIENTS: usize = 100;

/// The law's figure.
const LIMIT: Duration = Duration::from_millis(50);

/// The same program over green threads and over OS threads.
macro_rules! scene {
    ($name:ident, $crate_name:ident) => {
        mod $name {
            use std::io::{Read, Write};
            use std::time::{Duration, Instant};
            use $crate_name::net::{TcpListener, TcpStream};
            use $crate_name::thread;

            /// What a client does between two requests.
            const PAUSE: Duration = Duration::from_millis(20);

            fn serve(mut stream: TcpStream) {
                let mut buffer = [0; 64];
                while let Ok(count) = stream.read(&mut buffer) {
                    if count == 0 || stream.write_all(&buffer[..count]).is_err() {
                        return;
                    }
                }
            }

            fn be_client(mut stream: TcpStream, until: Instant) -> Vec<Duration> {
                stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                let mut latencies = Vec::new();
                loop {
                    let start = Instant::now();
                    stream.write_all(&[7; 64]).unwrap();
                    let mut answer = [0; 64];
                    stream.read_exact(&mut answer).unwrap();
                    assert_eq!(answer, [7; 64]);
                    latencies.push(start.elapsed());
                    if Instant::now() >= until {
                        return latencies;
                    }
                    thread::sleep(PAUSE);
                }
            }

            /// So many hogs, so many who echo; the latencies of these, in rising order.
            pub fn latencies(
                hogs: usize,
                hold: fn(Duration),
                time: Duration,
                clients: usize,
            ) -> Vec<Duration> {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let address = listener.local_addr().unwrap();
                let pairs: Vec<_> = (0..clients)
                    .map(|_| {
                        let client = TcpStream::connect(address).unwrap();
                        (client, listener.accept().unwrap().0)
                    })
                    .collect();
                let hogs: Vec<_> = (0..hogs).map(|_| thread::spawn(move || hold(time))).collect();
                let until = Instant::now() + time;
                let joins: Vec<_> = pairs
                    .into_iter()
                    .map(|(client, server)| {
                        let server = thread::spawn(move || serve(server));
                        (thread::spawn(move || be_client(client, until)), server)
                    })
                    .collect();
                let mut all = Vec::new();
                for (client, server) in joins {
                    all.extend(client.join().unwrap());
                    server.join().unwrap();
                }
                hogs.into_iter().for_each(|hog| hog.join().unwrap());
                all.sort_unstable();
                all
            }
        }
    };
}

scene!(green, greenstd);
scene!(os, std);

fn quantile(latencies: &[Duration], part: f64) -> Duration {
    latencies[((latencies.len() - 1) as f64 * part) as usize]
}

/// What green threads may take: the law's figure, or what the machine allows to OS threads.
fn limit(hogs: usize, hold: fn(Duration)) -> Duration {
    let theirs = os::latencies(hogs, hold, HOGGED_FOR, CLIENTS);
    println!("OS threads: p50 {:?}, p99 {:?}", quantile(&theirs, 0.5), quantile(&theirs, 0.99));
    LIMIT.max(3 * quantile(&theirs, 0.99))
}

/// Tries before a run is given up as one on a machine that is busy with something else.
const TRIES: usize = 3;

/// What others may take of the machine's processors in a run that is judged by its figures.
const OTHERS_AT_MOST: f64 = 0.1;

fn echoes_beside(workers: usize, hogs: usize, hold: fn(Duration), name: &str) {
    let _alone = be_alone();
    let mut others = f64::MAX;
    for _ in 0..TRIES {
        let before = Ticks::now();
        if is_served(workers, hogs, hold, name) {
            return;
        }
        others = others.min(before.share_of_others());
        println!("others took {:.0} % of the machine", 100.0 * others);
    }
    // All calls were answered, but when says more of the others than of us.
    assert!(others > OTHERS_AT_MOST, "too slow on a machine of our own");
}

/// Runs once. Whether it was within the limit.
fn is_served(workers: usize, hogs: usize, hold: fn(Duration), name: &str) -> bool {
    let _watchdog = Watchdog::new();
    let ours =
        runtime(workers, name).run(move || green::latencies(hogs, hold, HOGGED_FOR, CLIENTS));
    let p99 = quantile(&ours, 0.99);
    println!(
        "{} calls: p50 {:?}, p99 {p99:?}, {:?}",
        ours.len(),
        quantile(&ours, 0.5),
        ours.last()
    );
    // The hogs have not held them up for all of the time.
    assert!(ours.len() > 2 * CLIENTS, "{} calls", ours.len());
    p99 < LIMIT || p99 < limit(hogs, hold)
}

/// 2 workers, 2 green threads that spin for 3 s, 100 others that echo: the law's own figures.
#[test]
fn two_that_spin_on_two_workers_delay_nobody() {
    echoes_beside(2, 2, spin, "spin2");
}

#[test]
fn one_that_spins_on_the_only_worker_delays_nobody() {
    echoes_beside(1, 1, spin, "spin1");
}

#[test]
fn ten_in_native_sleeps_delay_nobody() {
    echoes_beside(2, 10, block, "sleep2");
}

#[test]
fn more_hogs_than_spare_workers_delay_the_others_until_they_end() {
    let _watchdog = Watchdog::new();
    let runtime = builder(1, "more").spare_workers(2).build().unwrap();
    let latencies = runtime.run(|| green::latencies(6, block, Duration::from_millis(700), 20));
    // Each client had its first answer at last, though all workers were held meanwhile.
    assert!(latencies.len() >= 20);
}

#[test]
fn without_spare_workers_the_other_regular_ones_take_over() {
    let _watchdog = Watchdog::new();
    let runtime = builder(2, "none").spare_workers(0).build().unwrap();
    let latencies = runtime.run(|| green::latencies(1, block, Duration::from_secs(2), 20));
    assert!(latencies.len() > 5 * 20, "{} calls", latencies.len());
}
