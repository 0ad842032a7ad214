//! Child processes: pipes to and from them, environments, exit codes, signals, pipelines of them.

use super::std::{self, println};
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;

const CHILDREN: usize = 24;

pub fn main() -> io::Result<()> {
    outputs()?;
    conversation()?;
    pipeline()?;
    ends()?;
    many()
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    command
}

fn outputs() -> io::Result<()> {
    let output = shell("echo out; echo err >&2; exit 3").output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    println!("{}, {}, {:?}", text(&output.stdout), text(&output.stderr), output.status.code());

    let mut command = shell("echo $0 $NAME; pwd");
    command.arg0("renamed").env_clear().env("NAME", "value").current_dir("/");
    println!("{:?}", text(&command.output()?.stdout));
    let settings: Vec<_> = command.get_envs().collect();
    assert_eq!(settings, [(OsStr::new("NAME"), Some(OsStr::new("value")))]);
    assert_eq!(command.get_program(), "/bin/sh");

    let error = Command::new("/nowhere/at/all").spawn().unwrap_err();
    println!("{:?}", error.kind());
    Ok(())
}

/// Writes on one thread and reads on another, more than any pipe holds.
fn conversation() -> io::Result<()> {
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin: ChildStdin = child.stdin.take().expect("it is piped");
    let writer = thread::spawn(move || -> io::Result<usize> {
        let mut written = 0;
        for number in 0..40_000 {
            let line = format!("line {number}\n");
            stdin.write_all(line.as_bytes())?;
            written += line.len();
        }
        Ok(written)
    });
    let mut reader = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let rest = reader.lines().map_while(Result::ok).fold(0, |sum, line| sum + line.len() + 1);
    let written = writer.join().expect("it does not panic")?;
    assert_eq!(first.len() + rest, written);
    println!("{:?} and {rest} bytes more; {}", first.trim(), child.wait()?);
    Ok(())
}

/// One child's output is the next one's input, and a pipe of ours is the last one's output.
fn pipeline() -> io::Result<()> {
    let mut numbers = shell("for n in 5 3 9 1; do echo $n; done").stdout(Stdio::piped()).spawn()?;
    let sorted = numbers.stdout.take().expect("it is piped");
    let mut sorted = Command::new("sort").stdin(sorted).stdout(Stdio::piped()).spawn()?;
    let (mut reader, writer) = io::pipe()?;
    let joined = sorted.stdout.take().expect("it is piped");
    let mut join = Command::new("tr").args(["\\n", " "]).stdin(joined).stdout(writer).spawn()?;
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    let all_well = [&mut numbers, &mut sorted, &mut join]
        .into_iter()
        .all(|child: &mut Child| child.wait().is_ok_and(|status| status.success()));
    println!("{text:?}, all well: {all_well}");
    Ok(())
}

fn ends() -> io::Result<()> {
    let mut child = shell("exec sleep 1000").spawn()?;
    println!("still running: {}", child.try_wait()?.is_none());
    child.kill()?;
    let status: ExitStatus = child.wait()?;
    println!("{:?}, by signal {:?}; again: {}", status.code(), status.signal(), child.wait()?);

    let mut command = shell("cat >/dev/null; echo done");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let output = command.spawn()?.wait_with_output()?;
    println!("{:?}, {}", String::from_utf8_lossy(&output.stdout), output.status);
    println!("{}", shell("exit 7").status()?);
    Ok(())
}

/// Many children at once, each waited for by a thread of its own.
fn many() -> io::Result<()> {
    let (held, hold) = io::pipe()?;
    let waits: Vec<_> = (0..CHILDREN)
        .map(|number| {
            let stdin = held.try_clone()?;
            let mut command = shell(&format!("cat; exit {number}"));
            command.stdin(stdin);
            Ok(thread::spawn(move || command.status()))
        })
        .collect::<io::Result<_>>()?;
    crate::crowd::is_here(CHILDREN);
    // They end when nobody is left who could write to them.
    drop(hold);
    let mut codes = Vec::new();
    for wait in waits {
        codes.push(wait.join().expect("it does not panic")?.code());
    }
    println!("{codes:?}");
    Ok(())
}
