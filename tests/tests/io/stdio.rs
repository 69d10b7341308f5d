//! The standard streams of a process, which are pipes here: this test runs itself as a child and talks to it.

use crate::LONG;
use std::process::Stdio;
use std::{
    env,
    io::{Read, Write},
    process::exit,
};
use vitte_tests::within;
use vitte_threads::{
    Fiber, Runtime,
    io::{Command, WaitError, stderr, stdin, stdout},
};

/// What the child is told to be.
const ASKED: &str = "VITTE_TEST_STDIO";
/// Before and after what the child says, for its harness has its own say there.
const MARK: &str = "<<>>";

/// What is read goes to both outputs, shouted to one, and is counted; `fibers` is whether fibers do it.
fn echo(fibers: bool) {
    let body = move || {
        // Who has nothing to read lets others run, and its deadline comes.
        if fibers {
            let other = Fiber::spawn(|| ());
            loop {
                let early = stdin().read_for(&mut [0], std::time::Duration::from_millis(2));
                let why = WaitError::of(&early.unwrap_err());
                assert_eq!(why, Some(WaitError::TimedOut));
                // On a busy machine the deadline may be there before the other has been let run.
                if other.is_finished() {
                    break;
                }
            }
            other.join().unwrap();
        }
        stdout().write_all(MARK.as_bytes()).unwrap();
        let mut piece = [0; 700];
        loop {
            let count = stdin().read(&mut piece).unwrap();
            if count == 0 {
                break;
            }
            stdout().write_all(&piece[..count]).unwrap();
            stderr()
                .write_all(&piece[..count].to_ascii_uppercase())
                .unwrap();
        }
        stdout().write_all(MARK.as_bytes()).unwrap();
        stdout().flush().unwrap();
    };
    if fibers {
        Runtime::builder().workers(1).build().unwrap().run(body);
    } else {
        body();
    }
}

fn talk(name: &str, fibers: bool) {
    if env::var_os(ASKED).is_some() {
        echo(fibers);
        // The harness, which ran this as a test, says no more.
        exit(0);
    }
    within(LONG, "stdio", {
        let name = name.to_owned();
        move || {
            let mut child = Command::new(env::current_exe().unwrap())
                .args(["--exact", "--nocapture", "--test-threads=1", &name])
                .env(ASKED, "1")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let (mut to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            let errors = child.stderr.take().unwrap();
            let read = |mut stream: vitte_threads::io::PipeReader| {
                std::thread::spawn(move || {
                    let mut text = String::new();
                    stream.read_to_string(&mut text).unwrap();
                    text
                })
            };
            // More than any pipe takes at once, so each has to wait for the other.
            let said = "some words, ".repeat(20_000);
            let errors = read(errors);
            let mut opening = String::new();
            while !opening.ends_with(MARK) {
                let mut byte = [0];
                assert_eq!(from.read(&mut byte).unwrap(), 1, "{opening}");
                opening.push(char::from(byte[0]));
            }
            let answer = read(from);
            to.write_all(said.as_bytes()).unwrap();
            drop(to);
            assert!(answer.join().unwrap() == said.clone() + MARK);
            assert!(errors.join().unwrap().contains(&said.to_ascii_uppercase()));
            assert!(child.wait().unwrap().is_success());
        }
    });
}

#[test]
fn fibers_use_the_standard_streams() {
    talk("stdio::fibers_use_the_standard_streams", true);
}

#[test]
fn threads_use_the_standard_streams() {
    talk("stdio::threads_use_the_standard_streams", false);
}
