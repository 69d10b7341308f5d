//! Child processes: J29 of the seeds, and what goes with it.

use crate::{LONG, SHORT, why};
use std::{
    io::{Read, Write},
    path::Path,
    process::Stdio,
};
use vitte_tests::units::{Units, until};
use vitte_threads::{
    Deadline, StopToken,
    io::{Command, Exit, WaitError},
};

fn sh(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

fn on<U: Units, R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    U::join(U::spawn(body))
}

pub(crate) fn what_a_process_writes_is_read_to_the_end<U: Units>() {
    on::<U, _>(|| {
        let listing = Command::new("ls").arg("/").output().unwrap();
        assert!(listing.exit.is_success() && !listing.stdout.is_empty());
        let much = sh("head -c 10000000 /dev/zero").output().unwrap();
        assert_eq!(much.stdout.len(), 10_000_000);
        for _ in 0..5 {
            let lines = Command::new("seq").arg("5000").output().unwrap();
            assert_eq!(
                lines.stdout.iter().filter(|&&byte| byte == b'\n').count(),
                5000
            );
        }
    });
}

pub(crate) fn how_a_process_ended_is_told_as_often_as_one_asks<U: Units>() {
    on::<U, _>(|| {
        let child = sh("exit 7").spawn().unwrap();
        for _ in 0..5 {
            assert_eq!(child.wait().unwrap(), Exit::Code(7));
        }
        assert_eq!(child.try_wait().unwrap(), Some(Exit::Code(7)));
        // Nobody is hit.
        child.kill().unwrap();
        let closed = sh("exec >&-; exit 7")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(closed.wait_timeout(LONG).unwrap(), Exit::Code(7));
    });
}

pub(crate) fn a_process_that_a_signal_ended_is_told_apart<U: Units>() {
    on::<U, _>(|| {
        let child = sh("kill -9 $$").spawn().unwrap();
        assert_eq!(child.wait().unwrap(), Exit::Signaled(9));
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        child.signal(15).unwrap();
        assert_eq!(child.wait().unwrap(), Exit::Signaled(15));
        assert!(child.signal(12_345).is_err());
    });
}

pub(crate) fn a_program_that_is_not_there_is_an_error_at_the_start<U: Units>() {
    let error = on::<U, _>(|| Command::new("no-such-program-here").spawn()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

pub(crate) fn an_empty_argument_is_kept<U: Units>() {
    let output = on::<U, _>(|| Command::new("printf").args(["[%s]", ""]).output()).unwrap();
    assert_eq!(output.stdout, b"[]");
}

pub(crate) fn the_two_streams_are_told_apart<U: Units>() {
    let output = on::<U, _>(|| sh("echo out; echo err >&2").output()).unwrap();
    assert_eq!(
        (&output.stdout[..], &output.stderr[..]),
        (&b"out\n"[..], &b"err\n"[..])
    );
}

pub(crate) fn a_wait_with_a_deadline_lets_the_process_run_on<U: Units>() {
    on::<U, _>(|| {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert_eq!(why(child.wait_timeout(SHORT)), Some(WaitError::TimedOut));
        assert_eq!(child.try_wait().unwrap(), None);
        child.kill().unwrap();
        assert_eq!(child.wait_timeout(LONG).unwrap(), Exit::Signaled(9));
    });
}

pub(crate) fn a_process_is_started_in_other_ways<U: Units>() {
    on::<U, _>(|| {
        assert_eq!(sh("exit 3").status().unwrap(), Exit::Code(3));
        let (left, kept) = (Command::new("sleep").arg("0.2"), StopToken::DONE);
        assert_eq!(
            why(left.status_with(Deadline::NEVER, Some(&kept))),
            Some(WaitError::Stopped)
        );
        let clean = sh("echo $ONE$TWO$HOME")
            .env("GONE", "x")
            .env_clear()
            .envs([("ONE", "1"), ("TWO", "2"), ("HOME", "3")])
            .env_remove("HOME");
        assert_eq!(clean.output_timeout(LONG).unwrap().stdout, b"12\n");
        // What one writes another reads, though we do not block on it.
        let mut first = sh("sleep 0.02; echo through")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let between = Stdio::try_from(first.stdout.take().unwrap()).unwrap();
        let second = Command::new("cat").stdin(between).stdout(Stdio::piped());
        let output = second.spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(
            (&output.stdout[..], output.exit),
            (&b"through\n"[..], Exit::Code(0))
        );
        assert!(first.wait().unwrap().is_success());
    });
}

pub(crate) fn a_process_reads_what_it_is_written<U: Units>() {
    on::<U, _>(|| {
        let cat = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = cat.spawn().unwrap();
        let writer = child.stdin.take().unwrap();
        let writing = U::spawn(move || (&writer).write_all(&vec![b'x'; 300_000]));
        let mut text = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut text).unwrap();
        U::join(writing).unwrap();
        assert_eq!(text.len(), 300_000);
        assert_eq!(child.wait().unwrap(), Exit::Code(0));
    });
}

pub(crate) fn no_zombie_is_left_by_a_handle_that_was_dropped<U: Units>() {
    let ids = on::<U, _>(|| {
        let ended = sh("exit 0").spawn().unwrap();
        let running = sh("sleep 0.05").spawn().unwrap();
        [ended.id(), running.id()]
    });
    for id in ids {
        until(|| !Path::new(&format!("/proc/{id}")).exists());
    }
}
