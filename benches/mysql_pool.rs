//! `mysql_pool`: a thousand queries of 10 ms, over a pool of a hundred connections to MariaDB.
//!
//! Ours is the plain blocking driver `mysql`, which nobody has edited: its pool, its sockets and
//! std's locks, on a hundred hooked green threads of one worker. `threads` is the very same code on
//! a hundred OS threads, `tokio_ct` is `mysql_async`, by the same author. The server is the one
//! that `GREENSTD_TEST_MYSQL` names; `.ci/mysql` starts one.

mod support;

use std::env;
use std::fs;
use std::process::{self, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;

use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::{Green, NO_PANIC};
use support::ours::Ours;
use support::report::median;
use support::rounds::Bench;
use support::{on_tokio, sys};

const SERVER: &str = "GREENSTD_TEST_MYSQL";
const QUERY: &str = "select sleep(0.01)";
/// Who asks at once, and how many connections they share.
const CROWD: usize = 100;
/// Queries of each.
const QUERIES: usize = 10;
const WRONG: &str = "a query that sleeps to its end returns nought";

fn main() -> ExitCode {
    if url().is_none() {
        println!("bench=mysql_pool skipped=\"{SERVER} names no MariaDB server\"");
        return ExitCode::SUCCESS;
    }
    support::main("mysql_pool", plan, measure)
}

fn url() -> Option<String> {
    env::var(SERVER).ok().filter(|url| !url.is_empty())
}

fn plan(bench: &mut Bench) {
    let row = "queries_1000_of_10ms_w1";
    if !bench.options.wants_row(row) {
        return;
    }
    let repeats = bench.options.pick(7, 3);
    let contenders = [
        Contender::ours(),
        Contender::peer(System::Threads),
        Contender::peer(System::TokioCurrent),
    ];
    let contenders = contenders.map(|contender| contender.with("repeats", repeats));
    let samples = bench.interleave(contenders.into());
    bench.row(&format!("{row}_time"), "ms", &samples, "time_ms");
    bench.row(&format!("{row}_cpu"), "us", &samples, "cpu_us");
    bench.row(&format!("{row}_os_threads"), "threads", &samples, "os_threads");
    for sample in &samples {
        let least = QUERIES as f64 * 10.0;
        if sample.measurements.iter().any(|one| one.figure("time_ms") < least) {
            bench.fail(&format!("{} is done before the server is", sample.contender.label));
        }
    }
}

fn measure(job: &Job) -> Measurement {
    let repeats = job.number("repeats");
    match job.system() {
        System::Ours => {
            greenstd::patch::install().expect("hooks and own thread-locals are there");
            Ours::run(1, move || {
                let pool = blocking_pool();
                laps(repeats, || green_crowd(&pool))
            })
        }
        System::Threads => {
            let pool = blocking_pool();
            laps(repeats, || crowd_of_threads(&pool))
        }
        tokio => measure_tokio(tokio, repeats),
    }
}

/// One query is one round trip: nothing is asked when a connection is lent or comes back.
fn blocking_pool() -> mysql::Pool {
    let constraints =
        mysql::PoolConstraints::new(CROWD, CROWD).expect("one is not below the other");
    let options = mysql::PoolOpts::new().with_constraints(constraints);
    let options = options.with_reset_connection(false).with_check_health(false);
    let server = mysql::Opts::from_url(&url().expect("the parent has looked")).expect("a URL");
    let server = mysql::OptsBuilder::from_opts(server).prefer_socket(false).pool_opts(options);
    mysql::Pool::new(server).expect("the server is there")
}

/// What each of the crowd does: straight-line code over a plain driver.
fn ask(pool: &mysql::Pool) {
    for _ in 0..QUERIES {
        let mut connection = pool.get_conn().expect("a connection is lent");
        assert_eq!(connection.query_first(QUERY).expect("the server answers"), Some(0), "{WRONG}");
    }
}

fn green_crowd(pool: &mysql::Pool) {
    let crowd = (0..CROWD).map(|_| {
        let pool = pool.clone();
        Ours::spawn(move || ask(&pool))
    });
    let crowd: Vec<_> = crowd.collect();
    crowd.into_iter().for_each(Ours::join);
}

fn crowd_of_threads(pool: &mysql::Pool) {
    let crowd = (0..CROWD).map(|_| {
        let pool = pool.clone();
        thread::spawn(move || ask(&pool))
    });
    let crowd: Vec<_> = crowd.collect();
    crowd.into_iter().for_each(|one| one.join().expect(NO_PANIC));
}

/// The first lap opens what is lazy and warms memory; the last is looked at from outside.
fn laps(repeats: usize, mut lap: impl FnMut()) -> Measurement {
    lap();
    let (mut times, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        let (begun, cpu) = (Instant::now(), sys::cpu_nanos());
        lap();
        push_figures(&mut times, &mut costs, begun, cpu);
    }
    let sampler = thread::spawn(sample_threads);
    lap();
    measurement(times, costs, sampler)
}

fn measure_tokio(system: System, repeats: usize) -> Measurement {
    on_tokio::run(system, 1, async move {
        let constraints = mysql_async::PoolConstraints::new(CROWD, CROWD).expect("as above");
        let options = mysql_async::PoolOpts::new().with_constraints(constraints);
        let options = options.with_reset_connection(false);
        let server = mysql_async::Opts::from_url(&url().expect("the parent has looked"));
        let server = mysql_async::OptsBuilder::from_opts(server.expect("a URL"));
        let pool = mysql_async::Pool::new(server.prefer_socket(false).pool_opts(options));
        tasks(&pool).await;
        let (mut times, mut costs) = (Vec::new(), Vec::new());
        for _ in 0..repeats {
            let (begun, cpu) = (Instant::now(), sys::cpu_nanos());
            tasks(&pool).await;
            push_figures(&mut times, &mut costs, begun, cpu);
        }
        let sampler = thread::spawn(sample_threads);
        tasks(&pool).await;
        measurement(times, costs, sampler)
    })
}

async fn tasks(pool: &mysql_async::Pool) {
    let crowd = (0..CROWD).map(|_| {
        let pool = pool.clone();
        tokio::spawn(async move {
            use mysql_async::prelude::Queryable;
            for _ in 0..QUERIES {
                let mut connection = pool.get_conn().await.expect("a connection is lent");
                let answer = connection.query_first(QUERY).await.expect("the server answers");
                assert_eq!(answer, Some(0), "{WRONG}");
            }
        })
    });
    let crowd: Vec<_> = crowd.collect();
    for one in crowd {
        one.await.expect(NO_PANIC);
    }
}

fn push_figures(times: &mut Vec<f64>, costs: &mut Vec<f64>, begun: Instant, cpu: u64) {
    costs.push((sys::cpu_nanos() - cpu) as f64 / 1000.0 / (CROWD * QUERIES) as f64);
    times.push(begun.elapsed().as_secs_f64() * 1000.0);
}

fn measurement(
    times: Vec<f64>,
    costs: Vec<f64>,
    sampler: thread::JoinHandle<usize>,
) -> Measurement {
    let middle = |values| median(values).expect("a bench repeats at least once");
    let threads = sampler.join().expect(NO_PANIC);
    Measurement::of("time_ms", middle(times))
        .and("cpu_us", middle(costs))
        .and("os_threads", threads as f64)
}

/// The OS threads of this process in the middle of a lap, without the one that looks.
fn sample_threads() -> usize {
    thread::sleep(Duration::from_millis(50));
    let tasks = fs::read_dir(format!("/proc/{}/task", process::id()));
    tasks.expect("a process has threads").count() - 1
}
