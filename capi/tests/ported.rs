//! A server with an OS thread for each connection, and its port: the same conversations.

use crate::toolchain::{HANGS, Linkage, Running, compile, read};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

/// All that the port has changed, in the order in which it is replaced. What is not a call is a
/// type, a header or the one line in which `main` starts a runtime.
const REPLACED: &[(&str, &str)] = &[
    (
        "/* A small store over TCP, an OS thread for each connection: as servers in C\n \
         * have been written for decades. ported.c is the same on green threads.\n",
        "/* A small store over TCP, a green thread for each connection: threaded.c, with\n \
         * its calls replaced.\n",
    ),
    ("#include <arpa/inet.h>\n", "#include <arpa/inet.h>\n#include <greenstd.h>\n"),
    ("#include <pthread.h>\n#include <semaphore.h>\n", ""),
    ("#include <time.h>\n#include <unistd.h>\n", ""),
    ("pthread_mutex_t", "gs_mutex"),
    ("PTHREAD_MUTEX_INITIALIZER", "GS_MUTEX_INIT"),
    ("pthread_mutex_", "gs_mutex_"),
    ("pthread_cond_t", "gs_cond"),
    ("PTHREAD_COND_INITIALIZER", "GS_COND_INIT"),
    ("pthread_cond_", "gs_cond_"),
    ("sem_t", "gs_semaphore"),
    ("sem_init(&places, 0, ", "gs_semaphore_init(&places, "),
    ("sem_", "gs_semaphore_"),
    ("pthread_key_t", "gs_key"),
    ("pthread_key_create", "gs_key_create"),
    ("pthread_getspecific", "gs_key_get"),
    ("pthread_setspecific", "gs_key_set"),
    (
        "    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};\n\n    \
         return nanosleep(&time, NULL);\n",
        "    return gs_sleep((uint64_t)milliseconds * 1000000);\n",
    ),
    (" recv(", " gs_recv("),
    (" write(", " gs_write("),
    (" close(", " gs_close("),
    (" accept(", " gs_accept("),
    ("(fd = accept(", "(fd = gs_accept("),
    ("pthread_t thread", "gs_thread thread"),
    (
        "pthread_create(&thread, NULL, connection, (void *)(intptr_t)fd)",
        "gs_spawn(NULL, NULL, connection, (void *)(intptr_t)fd, &thread)",
    ),
    ("pthread_detach", "gs_detach"),
    (
        "    return serve(NULL) != NULL;\n",
        "    void *error = NULL;\n\n    \
         return gs_run(NULL, serve, NULL, &error) != 0 || error != NULL;\n",
    ),
];

#[test]
fn the_port_has_replaced_calls_and_nothing_else() {
    let mut text = read("tests/c/threaded.c");
    for (old, new) in REPLACED {
        text = text.replace(old, new);
    }
    if std::env::var_os("GREENSTD_PORT").is_some_and(|wish| wish == "overwrite") {
        let path = crate::toolchain::folder().join("tests/c/ported.c");
        std::fs::write(path, &text).expect("the port can be written");
    }
    assert_eq!(text, read("tests/c/ported.c"));
}

/// A server that runs, and where.
struct Server {
    process: Running,
    port: u16,
}

struct Client {
    lines: BufReader<TcpStream>,
}

impl Server {
    fn start(source: &str, linkage: Linkage) -> Server {
        let program = compile(source, linkage);
        let mut process =
            Running(Command::new(program).stdout(Stdio::piped()).spawn().expect("it was made"));
        let mut line = String::new();
        let said = process.0.stdout.take().expect("it is piped");
        BufReader::new(said).read_line(&mut line).expect("it tells its port");
        Server { process, port: line.trim().parse().expect("a port") }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(HANGS)).expect("a timeout");
        Client { lines: BufReader::new(stream) }
    }

    fn ends_well(mut self) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.0.try_wait().expect("it is a child") {
                return assert!(status.success(), "{status}");
            }
            assert!(started.elapsed() < HANGS, "it does not end");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Client {
    fn send(&mut self, text: &str) {
        self.lines.get_mut().write_all(text.as_bytes()).expect("it is there");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it answers in time");
        line.trim_end().to_owned()
    }

    fn ask(&mut self, text: &str) -> String {
        self.send(&format!("{text}\n"));
        self.line()
    }

    fn is_at_end(&mut self) -> bool {
        matches!(self.lines.read(&mut [0]), Ok(0))
    }
}

/// What a server has said in all conversations, which are one after the other where their order
/// could be told from the answers.
fn converse(server: Server) -> Vec<String> {
    let mut said = Vec::new();
    let mut first = server.connect();
    let mut second = server.connect();
    said.push(first.ask("GET color"));
    said.push(first.ask("SET color green"));
    said.push(second.ask("GET color"));
    said.push(second.ask("SET color blue"));
    said.push(first.ask("GET color"));
    // Several lines at once, and one in pieces.
    first.send("SET a 1\nSET b 2\nGET b\nCOU");
    first.send("NT\nNAP 20\nnonsense\n");
    said.extend((0..6).map(|_| first.line()));

    // Many wait at once for what another one sets.
    let mut waiting: Vec<Client> = (0..200).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send("WAIT signal\nCOUNT\n");
    }
    said.push(second.ask("NAP 50"));
    said.push(second.ask("SET signal given"));
    for client in &mut waiting {
        said.extend([client.line(), client.line()]);
    }
    // Some go without a word, some in the middle of a line, some with one.
    waiting.truncate(100);
    waiting[0].send("half a li");
    waiting.remove(0);
    said.push(waiting[0].ask("QUIT"));
    assert!(waiting[0].is_at_end());
    said.push(second.ask("COUNT"));

    said.push(first.ask("STOP"));
    assert!(first.is_at_end());
    drop((second, waiting));
    server.ends_well();
    said
}

#[test]
fn the_port_says_what_the_original_says() {
    let original = converse(Server::start("threaded.c", Linkage::Dynamic));
    assert_eq!(original.iter().filter(|line| *line == "VALUE given").count(), 200);
    for linkage in [Linkage::Static, Linkage::Dynamic] {
        assert_eq!(converse(Server::start("ported.c", linkage)), original, "{linkage:?}");
    }
}
