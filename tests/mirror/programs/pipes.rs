//! Anonymous pipes: stages that hand bytes on, ends that are cloned, ends that are gone.

use super::std::{self, println};
use std::io::{
    self, BufRead, BufReader, BufWriter, ErrorKind, PipeReader, PipeWriter, Read, Write,
};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

const STAGES: usize = 21;
const LINES: usize = 3_000;

pub fn main() -> io::Result<()> {
    stages()?;
    many_writers()?;
    ends()
}

/// Each stage adds a letter to each line.
fn stages() -> io::Result<()> {
    let (mut input, source) = io::pipe()?;
    let (all_here, may_end) = mpsc::channel();
    let producer: JoinHandle<io::Result<()>> = thread::spawn(move || {
        let mut out = BufWriter::new(source);
        (0..LINES).try_for_each(|line| writeln!(out, "{line}:"))?;
        // Until then no stage comes to its end.
        may_end.recv().map_err(io::Error::other)?;
        out.flush()
    });
    let mut stages = Vec::new();
    for stage in 0..STAGES {
        let (next_input, output) = io::pipe()?;
        let letter = char::from(b'a' + u8::try_from(stage).expect("there are few"));
        let reader = std::mem::replace(&mut input, next_input);
        stages.push(thread::spawn(move || add_letter(reader, output, letter)));
    }
    crate::crowd::is_here(STAGES);
    all_here.send(()).expect("the producer waits for it");
    let lines: Vec<String> = BufReader::new(input).lines().collect::<io::Result<_>>()?;
    producer.join().expect("it does not panic")?;
    for stage in stages {
        assert_eq!(stage.join().expect("it does not panic")?, LINES);
    }
    println!("{} lines, the last is {:?}", lines.len(), lines[lines.len() - 1]);
    assert!(lines.iter().enumerate().all(|(number, line)| line.starts_with(&format!("{number}:"))));
    Ok(())
}

fn add_letter(input: PipeReader, output: PipeWriter, letter: char) -> io::Result<usize> {
    let mut out = BufWriter::new(output);
    let mut count = 0;
    for line in BufReader::new(input).lines() {
        writeln!(out, "{}{letter}", line?)?;
        count += 1;
    }
    out.into_inner()?;
    Ok(count)
}

fn many_writers() -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    let writers: Vec<_> = (0..10_u8)
        .map(|number| {
            let mut writer = writer.try_clone()?;
            Ok(thread::spawn(move || (0..50).try_for_each(|_| writer.write_all(&[number; 100]))))
        })
        .collect::<io::Result<_>>()?;
    drop(writer);
    let mut blocks = [0; 10];
    let mut block = [0; 100];
    let mut reader = BufReader::new(reader);
    while !reader.fill_buf()?.is_empty() {
        reader.read_exact(&mut block)?;
        // So short a write is atomic.
        assert!(block.iter().all(|byte| *byte == block[0]));
        blocks[usize::from(block[0])] += 1;
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap().unwrap());
    println!("{blocks:?}");
    Ok(())
}

fn ends() -> io::Result<()> {
    let (mut reader, writer) = io::pipe()?;
    let writer = PipeWriter::from(OwnedFd::from(writer));
    let waits = thread::spawn(move || reader.read(&mut [0; 8]).map(|count| (count, reader)));
    drop(writer);
    let (count, reader) = waits.join().expect("it does not panic")?;
    println!("the end: {count}");
    let (other, mut writer) = io::pipe()?;
    drop((reader, other));
    println!("{:?}", writer.write_all(b"nobody reads").unwrap_err().kind());
    println!("{}", writer.as_fd().try_clone_to_owned().is_ok());
    let copied = io::copy(&mut io::repeat(7).take(100_000), &mut io::sink())?;
    println!("{copied} {:?}", io::copy(&mut &b"text"[..], &mut writer).map_err(|e| e.kind()));
    assert_eq!(ErrorKind::BrokenPipe, writer.write(b"x").unwrap_err().kind());
    Ok(())
}
