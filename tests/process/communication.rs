//! Exchanges with a child: input, both outputs and the exit, with deadlines.

use crate::fixture::{SOON, beside_a_neighbour};
use greenstd::process::{Child, Command, Stdio};
use greenstd::sync::Mutex;
use greenstd::time;
use std::io::ErrorKind;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

fn shell(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

laws! {
    // C68
    fn a_timeout_gives_what_has_come_and_the_next_call_the_rest() {
        let script = "head -c 20000 /dev/zero; read line; head -c 300 /dev/zero; echo end >&2";
        let mut child = shell(script);
        let mut stdin = child.stdin.take().unwrap();
        let mut communication = child.communicate("");
        let mut came = 0;
        // The machine may be slow to start it.
        while came < 20_000 {
            let partial = communication.finish_timeout(Duration::from_millis(100)).unwrap_err();
            assert_eq!(partial.error.kind(), ErrorKind::TimedOut);
            assert!(partial.stderr.is_empty());
            came += partial.stdout.len();
        }
        assert_eq!(came, 20_000);
        std::io::Write::write_all(&mut stdin, b"go on\n").unwrap();
        let output = communication.finish().unwrap();
        assert_eq!((output.stdout.len(), output.stderr), (300, b"end\n".to_vec()));
        assert!(output.status.success());
    }

    fn a_timeout_loses_nothing_of_the_input() {
        let mut communication = shell("sleep 0.2; cat").communicate(vec![b'x'; 300_000]);
        let mut text = Vec::new();
        let output = loop {
            match communication.finish_timeout(Duration::from_millis(20)) {
                Ok(output) => break output,
                Err(partial) => text.extend(partial.stdout),
            }
        };
        text.extend(output.stdout);
        assert!(text.len() == 300_000 && text.iter().all(|&byte| byte == b'x'));
    }

    fn much_goes_both_ways_at_once() {
        let sent: Vec<u8> = (0..1_000_000_u32).map(|byte| (byte % 251) as u8).collect();
        let output = shell("tee /dev/stderr").communicate(sent.clone()).finish().unwrap();
        assert!(output.stdout == sent && output.stderr == sent);
    }

    fn that_nobody_reads_the_input_is_no_error() {
        let communicate = || shell("exec <&-; echo deaf").communicate(vec![0; 1_000_000]).finish();
        assert_eq!(communicate().unwrap().stdout, b"deaf\n");
    }

    fn an_exchange_parks() {
        let output =
            beside_a_neighbour(|| shell("sleep 0.1; echo late").communicate("").finish()).unwrap();
        assert_eq!(output.stdout, b"late\n");
    }

    fn who_holds_a_pipe_keeps_the_exchange_to_its_deadline() {
        let mut communication = shell("sleep 1000 & echo $!").communicate("");
        let partial = communication.finish_timeout(Duration::from_millis(300)).unwrap_err();
        assert_eq!(partial.error.kind(), ErrorKind::TimedOut);
        let mut text = String::from_utf8(partial.stdout).unwrap();
        while !text.ends_with('\n') {
            let partial = communication.finish_timeout(Duration::from_millis(300)).unwrap_err();
            text.push_str(str::from_utf8(&partial.stdout).unwrap());
        }
        // SAFETY: its parent has left it to init.
        unsafe { libc::kill(text.trim().parse().unwrap(), libc::SIGKILL) };
        let output = communication.finish_timeout(SOON).unwrap();
        assert!(output.status.success());
    }

    fn a_timeout_scope_loses_nothing() {
        let mut communication = shell("echo early; sleep 0.3; echo late").communicate("");
        let output = loop {
            let outcome = time::timeout(Duration::from_millis(20), || communication.finish());
            if let Ok(output) = outcome {
                break output.unwrap();
            }
        };
        assert_eq!(output.stdout, b"early\nlate\n");
    }

    fn an_exchange_without_pipes_is_a_wait() {
        let child = Command::new("sh").args(["-c", "exit 9"]).spawn().unwrap();
        let output = child.communicate("unheard").finish().unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(9), vec![]));
        let mut sleeping = Command::new("sleep").arg("1000").spawn().unwrap().communicate("");
        assert!(sleeping.finish_timeout(Duration::from_millis(10)).is_err());
        assert!(sleeping.finish_deadline(std::time::Instant::now()).is_err());
        sleeping.child_mut().kill().unwrap();
        assert!(!sleeping.finish().unwrap().status.success());
    }
}

laws! { green
    fn a_killed_exchange_can_be_gone_on_with() {
        let communication = shell("echo early; sleep 0.3; echo late").communicate("");
        let shared = Arc::new(Mutex::new(communication));
        let its = shared.clone();
        let exchange = thread::spawn(move || its.lock().unwrap().finish());
        thread::sleep(Duration::from_millis(50));
        exchange.kill_and_wait(None).unwrap();
        assert!(exchange.join().is_err());
        let shared = Arc::into_inner(shared).unwrap().into_inner();
        let mut communication = shared.unwrap_or_else(PoisonError::into_inner);
        assert_eq!(communication.finish().unwrap().stdout, b"early\nlate\n");
    }
}
