//! Commands and children, as in std.

use std::io::{Read, Write};
use std::time::Duration;

parity! {
    fn the_exit_code_is_told() {
        let status = process::Command::new("sh").args(["-c", "exit 7"]).status().unwrap();
        assert_eq!((status.code(), status.success()), (Some(7), false));
        assert!(process::Command::new("true").status().unwrap().success());
    }

    fn a_signal_is_told() {
        use unix::ExitStatusExt;
        let status = process::Command::new("sh").args(["-c", "kill -TERM $$"]).status().unwrap();
        assert_eq!((status.code(), status.signal()), (None, Some(libc::SIGTERM)));
    }

    fn output_is_collected_and_input_is_empty() {
        let script = "cat; echo out; echo err >&2; exit 3";
        let mut command = process::Command::new("sh");
        command.args(["-c", script]);
        // Twice: a command can be used again.
        for _ in 0..2 {
            let output = command.output().unwrap();
            assert_eq!(output.stdout, b"out\n");
            assert_eq!(output.stderr, b"err\n");
            assert_eq!(output.status.code(), Some(3));
        }
    }

    fn output_takes_the_streams_that_were_chosen() {
        let mut command = process::Command::new("sh");
        command.args(["-c", "echo out; echo err >&2"]).stderr(process::Stdio::null());
        let output = command.output().unwrap();
        assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), vec![]));
    }

    fn environment_directory_and_arguments_are_passed_on() {
        let mut command = process::Command::new("/bin/sh");
        command.args(["-c", "echo $ONE $TWO $HOME; pwd; echo \"$1\"", "sh"]).arg("a b");
        command.env_clear().envs([("ONE", "1"), ("GONE", "0")]).env("TWO", "2").env_remove("GONE");
        command.current_dir("/");
        assert_eq!(command.output().unwrap().stdout, b"1 2\n/\na b\n");
        assert_eq!(command.get_program(), "/bin/sh");
        assert_eq!(command.get_args().len(), 4);
        assert_eq!(command.get_envs().filter(|(_, value)| value.is_some()).count(), 2);
        assert_eq!(command.get_current_dir(), Some(std::path::Path::new("/")));
        assert!(format!("{command:?}").contains("/bin/sh"));
    }

    fn a_program_that_is_not_there_is_not_found() {
        let error = process::Command::new("/there/is/none").spawn().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    fn a_child_is_fed_and_read_by_its_pipes() {
        let piped = process::Stdio::piped;
        let mut child =
            process::Command::new("cat").stdin(piped()).stdout(piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let feeding = thread::spawn(move || stdin.write_all(&[b'x'; 500_000]));
        let mut text = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut text).unwrap();
        assert_eq!(text.len(), 500_000);
        feeding.join().unwrap().unwrap();
        assert!(child.wait().unwrap().success());
    }

    fn waiting_closes_its_input_first() {
        let mut command = process::Command::new("cat");
        let mut child =
            command.stdin(process::Stdio::piped()).stdout(process::Stdio::null()).spawn().unwrap();
        assert!(child.wait().unwrap().success());
        assert!(child.stdin.is_none());
        let child =
            command.stdin(process::Stdio::piped()).stdout(process::Stdio::piped()).spawn().unwrap();
        assert!(child.wait_with_output().unwrap().status.success());
    }

    fn both_outputs_are_read_at_once() {
        let script = "head -c 1000000 /dev/zero & head -c 1000000 /dev/zero >&2; wait";
        let output = process::Command::new("sh").args(["-c", script]).output().unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (1_000_000, 1_000_000));
    }

    fn an_exit_is_told_again_and_again() {
        let mut child = process::Command::new("sh").args(["-c", "exit 5"]).spawn().unwrap();
        for _ in 0..2 {
            assert_eq!(child.wait().unwrap().code(), Some(5));
            assert_eq!(child.try_wait().unwrap().and_then(|status| status.code()), Some(5));
        }
        // Its number may be another's by now.
        assert!(child.kill().is_ok());
    }

    fn a_killed_child_is_waited_for() {
        use unix::ExitStatusExt;
        let mut child = process::Command::new("sleep").arg("1000").spawn().unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        assert_eq!(child.id(), child.id());
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    }

    /// C69
    fn a_child_that_somebody_else_has_reaped_is_an_error() {
        let mut child = process::Command::new("true").spawn().unwrap();
        let id = libc::pid_t::try_from(child.id()).unwrap();
        // SAFETY: asks for no status.
        assert_eq!(unsafe { libc::waitpid(id, std::ptr::null_mut(), 0) }, id);
        assert_eq!(child.wait().unwrap_err().raw_os_error(), Some(libc::ECHILD));
        assert_eq!(child.try_wait().unwrap_err().raw_os_error(), Some(libc::ECHILD));
    }

    /// C69
    fn children_that_exit_at_once_are_each_waited_for() {
        let (reader, writer) = io::pipe().unwrap();
        let children = [1, 2].map(|code| {
            let mut command = process::Command::new("sh");
            command.args(["-c", &format!("read line; exit {code}")]);
            let mut child = command.stdin(reader.try_clone().unwrap()).spawn().unwrap();
            (code, thread::spawn(move || child.wait().unwrap().code()))
        });
        thread::sleep(Duration::from_millis(20));
        drop((reader, writer));
        for (code, waiting) in children {
            assert_eq!(waiting.join().unwrap(), Some(code));
        }
    }

    fn what_is_done_before_exec_is_done_in_the_child() {
        use unix::CommandExt;
        let mut command = process::Command::new("pwd");
        // SAFETY: a system call.
        let command = unsafe { command.pre_exec(|| std::env::set_current_dir("/usr")) };
        assert_eq!(command.output().unwrap().stdout, b"/usr\n");
        // SAFETY: no call at all.
        let refused = unsafe {
            command.pre_exec(|| Err(io::Error::from_raw_os_error(libc::EDOM)))
        };
        assert_eq!(refused.spawn().unwrap_err().raw_os_error(), Some(libc::EDOM));
    }

    #[expect(deprecated, reason = "part of std's surface")]
    fn before_exec_is_pre_exec() {
        use unix::CommandExt;
        let mut command = process::Command::new("pwd");
        // SAFETY: a system call.
        let command = unsafe { command.before_exec(|| std::env::set_current_dir("/usr")) };
        assert_eq!(command.output().unwrap().stdout, b"/usr\n");
    }

    fn name_and_group_are_set() {
        use unix::CommandExt;
        let mut command = process::Command::new("sh");
        command.args(["-c", "echo $0; cut -d ' ' -f 5 /proc/$$/stat; echo $$"]);
        let output = command.arg0("renamed").process_group(0).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "renamed");
        assert_eq!(lines[1], lines[2], "the group is its own");
    }

    fn user_and_group_are_set() {
        use unix::CommandExt;
        let mut command = process::Command::new("sh");
        command.args(["-c", "id -u; id -g"]).uid(65534).gid(65534);
        // SAFETY: asks for a number.
        match unsafe { libc::geteuid() } {
            0 => assert_eq!(command.output().unwrap().stdout, b"65534\n65534\n"),
            _ => assert_eq!(command.spawn().unwrap_err().kind(), io::ErrorKind::PermissionDenied),
        }
    }

    fn a_pipe_goes_to_a_child() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut child = process::Command::new("echo").arg("hello").stdout(writer).spawn().unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello\n");
        child.wait().unwrap();
        let piped = process::Stdio::piped;
        let mut command = process::Command::new("echo");
        let mut first = command.arg("through").stdout(piped()).spawn().unwrap();
        let stdout = first.stdout.take().unwrap();
        let second = process::Command::new("cat").stdin(stdout).output().unwrap();
        assert_eq!(second.stdout, b"through\n");
        assert!(first.wait().unwrap().success());
    }
}
