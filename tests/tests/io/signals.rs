//! Signals as events.

use crate::{LONG, SHORT, why};
use std::process::Command;
use vitte_tests::within;
use vitte_threads::{
    Runtime,
    io::{Signals, WaitError},
};

/// `SIGUSR2` on Linux; no other test of this process sends it.
const SIGNAL: i32 = 12;

fn send() {
    let to = std::process::id().to_string();
    let status = Command::new("kill").args(["-USR2", &to]).status();
    assert!(status.unwrap().success());
}

#[test]
fn fibers_and_threads_receive_signals() {
    within(LONG, "signals", || {
        let signals = Signals::new([SIGNAL]).unwrap();
        assert_eq!(signals.try_recv(), None);
        send();
        assert_eq!(signals.recv_timeout(LONG).unwrap(), SIGNAL);
        assert_eq!(why(signals.recv_timeout(SHORT)), Some(WaitError::TimedOut));
        let runtime = Runtime::builder().workers(1).build().unwrap();
        let waiting = runtime.spawn(move || (0..5).all(|_| signals.recv().unwrap() == SIGNAL));
        while !waiting.is_finished() {
            send();
            vitte_tests::units::moment();
        }
        assert!(waiting.join().unwrap());
    });
}

/// `SIGILL`, `SIGFPE`, `SIGKILL`, `SIGSEGV`, `SIGSTOP`, and numbers of no signal.
#[test]
fn a_signal_that_nobody_can_receive_is_refused_and_named() {
    for number in [4, 8, 9, 11, 19] {
        let error = Signals::new([SIGNAL, number]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.contains(&format!("signal {number} ")), "{text}");
    }
    for number in [0, -1, 65, i32::MAX, i32::MIN] {
        let error = Signals::new([number]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{number}");
    }
}
