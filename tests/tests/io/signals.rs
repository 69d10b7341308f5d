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
