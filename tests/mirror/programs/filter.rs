//! A filter between the standard streams: lines are numbered, sorted and summed by several threads.

use super::std::{self, dbg, eprintln, print, println};
use std::io::{self, BufRead, BufWriter, IsTerminal, Read, Write};
use std::sync::mpsc;
use std::thread;

/// What the test gives to it.
pub const INPUT: &str =
    "pear 3\napple 10\n\nfig 7\nnot a pair\nkiwi 5\n--\nthe rest\nof it, without an end";

const CHECKERS: usize = 3;

pub fn main() -> io::Result<()> {
    let kinds = (io::stdin().is_terminal(), is_terminal(&io::stdout()));
    println!("terminals: {kinds:?}");

    let (lines, numbered) = mpsc::sync_channel::<(usize, String)>(2);
    let (verdicts, judged) = mpsc::channel();
    let reader = thread::spawn(move || read_pairs(&lines));
    let checker = thread::spawn(move || {
        let checkers: Vec<_> = (0..CHECKERS).map(|_| verdicts.clone()).collect();
        drop(verdicts);
        for (turn, (number, line)) in numbered.iter().enumerate() {
            let verdict = parse(&line).ok_or_else(|| format!("line {number} is no pair: {line:?}"));
            checkers[turn % CHECKERS].send((number, verdict)).expect("somebody listens");
        }
    });

    crate::crowd::is_here(2);
    let mut sum = 0;
    {
        // One who holds the lock writes as he likes, and may print besides.
        let stdout = io::stdout();
        let mut out = BufWriter::new(stdout.lock());
        let mut sorted: Vec<_> = judged.iter().collect();
        sorted.sort();
        for (number, verdict) in sorted {
            match verdict {
                Ok((name, count)) => {
                    sum += count;
                    writeln!(out, "{number:>3} {name:<6} {count:>4}")?;
                }
                Err(message) => {
                    eprintln!("{message}");
                    writeln!(out, "{number:>3} -")?;
                }
            }
        }
        out.flush()?;
        println!("sum {sum}");
    }
    checker.join().expect("it does not panic");
    println!("{} pairs and others", reader.join().expect("it does not panic")?);

    let mut rest = String::new();
    io::stdin().read_to_string(&mut rest)?;
    println!("{} bytes more: {rest:?}", rest.len());
    println!("nothing after the end: {}", io::stdin().read(&mut [0])? == 0);
    std::println!("{}", dbg!(rest.len()) + dbg!(1, 2).1);
    std::eprint!("no end of a line either");
    print!("a line ");
    print!("in pieces, ");
    io::stdout().flush()?;
    io::stdout().write_all(b"and without an end")
}

fn is_terminal(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
}

/// Reads until the line that separates the pairs from the rest.
fn read_pairs(lines: &mpsc::SyncSender<(usize, String)>) -> io::Result<usize> {
    let stdin = io::stdin();
    let mut line = String::new();
    let mut count = 0;
    loop {
        line.clear();
        let length = stdin.read_line(&mut line)?;
        let text = line.trim_end();
        if length == 0 || text == "--" {
            return Ok(count);
        }
        if !text.is_empty() {
            count += 1;
            lines.send((count, text.to_owned())).map_err(io::Error::other)?;
        }
        // The lock is free in between; what it has read ahead is not lost.
        assert!(stdin.lock().fill_buf()?.len() <= INPUT.len());
    }
}

fn parse(line: &str) -> Option<(String, u64)> {
    let (name, count) = line.split_once(' ')?;
    Some((name.to_owned(), count.parse().ok()?))
}
