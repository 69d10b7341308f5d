//! The server, driven by clients that know nothing of it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    thread,
    time::Duration,
};
use vitte_http::{Limits, Seen, Server};
use vitte_threads::{JoinHandle, Runtime, StopSource};

/// A server that runs.
struct Running {
    _runtime: Runtime,
    address: SocketAddr,
    stop: StopSource,
    served: Option<JoinHandle<std::io::Result<Seen>>>,
}

impl Running {
    fn with(limits: Limits) -> Self {
        let runtime = Runtime::builder().workers(2).build().unwrap();
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), limits).unwrap();
        let (address, stop) = (server.address().unwrap(), StopSource::new());
        let token = stop.token();
        let served = Some(runtime.spawn(move || server.run(&token)));
        Self {
            _runtime: runtime,
            address,
            stop,
            served,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    }

    /// Sends `text` on a connection of its own and returns all that comes back.
    fn ask(&self, text: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn end(&mut self) -> Seen {
        self.stop.stop();
        self.served.take().unwrap().join().unwrap().unwrap()
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
}

/// One answer on a connection that stays.
fn read_answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

#[test]
fn visits_are_counted_and_the_status_tells() {
    let mut server = Running::with(Limits::default());
    for visit in 1..=3 {
        let answer = server.ask(&get("/"));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.ends_with(&format!("visitor number {visit}\n")),
            "{answer}"
        );
    }
    assert!(server.ask(&get("/health")).ends_with("\r\n\r\nok\n"));
    let status = server.ask(&get("/status?verbose"));
    assert!(
        status.contains("\"visits\":3,\"answered\":4,\"refused\":0"),
        "{status}"
    );
    assert!(server.ask(&get("/nowhere")).starts_with("HTTP/1.1 404 "));
    assert!(
        server
            .ask(&get("/").replace("GET", "PUT"))
            .starts_with("HTTP/1.1 405 ")
    );
    let head = server.ask(&get("/health").replace("GET", "HEAD"));
    assert!(
        head.contains("Content-Length: 3\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let seen = server.end();
    assert_eq!((seen.visits, seen.answered, seen.refused), (3, 8, 2));
    assert!(seen.looks > 0);
}

#[test]
fn a_connection_carries_many_requests_also_ahead_of_their_answers() {
    let mut server = Running::with(Limits::default());
    let mut stream = server.connect();
    let request = "GET /health HTTP/1.1\r\nHost: test\r\n\r\n";
    for _ in 0..100 {
        stream.write_all(request.as_bytes()).unwrap();
        assert!(read_answer(&mut stream).contains("Connection: keep-alive"));
    }
    stream.write_all(request.repeat(20).as_bytes()).unwrap();
    for _ in 0..20 {
        assert!(read_answer(&mut stream).ends_with("ok\n"));
    }
    // In pieces, with a body that nobody wants.
    for piece in [
        "GET /hea",
        "lth HTTP/1.1\r\nHost: test\r\nContent-",
        "Length: 4\r\n\r\nab",
        "cd",
    ] {
        stream.write_all(piece.as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    assert!(read_answer(&mut stream).ends_with("ok\n"));
    drop(stream);
    assert_eq!(server.end().answered, 121);
}

#[test]
fn what_is_malformed_or_too_much_is_answered_and_ended() {
    let mut server = Running::with(Limits::default());
    for (text, status) in [
        ("\r\n\r\nnonsense\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 505),
        (
            format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(10_000)),
            431,
        ),
        (
            format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(100)),
            431,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n".to_owned(),
            413,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(),
            501,
        ),
    ] {
        let answer = server.ask(&text);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{text:?}: {answer}"
        );
        assert!(answer.contains("Connection: close"), "{answer}");
    }
    let seen = server.end();
    assert_eq!((seen.answered, seen.refused), (7, 7));
}

#[test]
fn bodies_in_chunks_and_bodies_that_wait_for_leave_are_read_and_dropped() {
    let mut server = Running::with(Limits::default());
    let mut stream = server.connect();
    let chunked = "GET /health HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
    for piece in [
        chunked,
        &body[..4],
        &body[4..20],
        &body[20..],
        chunked,
        body,
    ] {
        stream.write_all(piece.as_bytes()).unwrap();
    }
    assert!(read_answer(&mut stream).ends_with("ok\n"));
    assert!(read_answer(&mut stream).ends_with("ok\n"));
    let asks =
        "GET /health HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(asks.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abcd").unwrap();
    assert!(read_answer(&mut stream).ends_with("ok\n"));
    // Who has sent it already is not told to.
    stream.write_all(format!("{asks}abcd").as_bytes()).unwrap();
    assert!(read_answer(&mut stream).starts_with("HTTP/1.1 200 "));
    stream.write_all(format!("{chunked}x").as_bytes()).unwrap();
    assert!(read_answer(&mut stream).starts_with("HTTP/1.1 400 "));
    assert_eq!(server.end().answered, 5);
}

#[test]
fn a_request_that_does_not_come_to_an_end_times_out() {
    let limits = Limits {
        patience: Duration::from_millis(50),
        ..Limits::default()
    };
    let mut server = Running::with(limits);
    assert!(server.ask("GET / HT").starts_with("HTTP/1.1 408 "));
    assert_eq!(server.end().refused, 1);
}

#[test]
fn a_stop_ends_idle_connections_and_finishes_requests() {
    let mut server = Running::with(Limits::default());
    let mut idle = server.connect();
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n")
        .unwrap();
    read_answer(&mut idle);
    let mut half = server.connect();
    // What comes with a request has come when that is answered.
    let one_and_a_half =
        b"GET /health HTTP/1.1\r\nHost: a\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n";
    half.write_all(one_and_a_half).unwrap();
    read_answer(&mut half);
    server.stop.stop();
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    half.write_all(b"\r\n").unwrap();
    let answer = read_answer(&mut half);
    assert!(
        answer.ends_with("ok\n") && answer.contains("Connection: close"),
        "{answer}"
    );
    assert_eq!(server.end().answered, 3);
}

#[test]
fn a_second_interruption_drops_what_is_under_way() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_vitte-http"))
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    let interrupt = |signal: &str| {
        let mut kill = Command::new("kill");
        let status = kill.arg(signal).arg(server.id().to_string()).status();
        assert!(status.unwrap().success());
    };
    let url = line();
    let mut half = TcpStream::connect(url["http://".len()..].trim_end_matches('/')).unwrap();
    half.set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    // What comes with a request has come when that is answered.
    let one_and_a_half =
        b"GET /health HTTP/1.1\r\nHost: a\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n";
    half.write_all(one_and_a_half).unwrap();
    read_answer(&mut half);
    interrupt("-TERM");
    assert_eq!(line(), "Finishing what is under way.");
    interrupt("-INT");
    assert_eq!(line(), "Dropping what is under way.");
    assert_eq!(half.read(&mut [0]).unwrap(), 0);
    assert!(server.wait().unwrap().success());
}

#[test]
fn fifty_clients_are_served_at_once() {
    let mut server = Running::with(Limits::default());
    let address = server.address;
    let clients: Vec<_> = (0..50)
        .map(|_| {
            thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                for _ in 0..20 {
                    stream
                        .write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
                        .unwrap();
                    assert!(read_answer(&mut stream).starts_with("HTTP/1.1 200 "));
                }
            })
        })
        .collect();
    clients
        .into_iter()
        .for_each(|client| client.join().unwrap());
    assert_eq!(server.end().visits, 1000);
}

#[test]
fn a_client_of_another_make_is_content() {
    let mut server = Running::with(Limits::default());
    let url = format!("http://{}/", server.address);
    let status = format!("{url}status");
    let Ok(output) = Command::new("curl")
        .args(["-sS", "-m", "60", &url, &status])
        .output()
    else {
        println!("curl is not installed: left out");
        return;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("visitor number 1") && text.contains("\"visits\":1"),
        "{text}"
    );
    server.end();
}
