//! The monitor: a worker beside the connections, which takes note of how busy the server is.

use crate::state::State;
use std::{sync::atomic::Ordering::Relaxed, time::Duration};
use vitte_threads::{Deadline, Outcome, StopToken};

const PERIOD: Duration = Duration::from_secs(1);

/// Counts the requests of each second until `stop`.
pub(crate) fn watch(state: &State, stop: &StopToken) {
    let mut before = 0;
    loop {
        let ended = stop.wait(Deadline::after(PERIOD), None);
        let now = state.answered.load(Relaxed);
        state.lately.store(now - before, Relaxed);
        state.looks.fetch_add(1, Relaxed);
        before = now;
        if ended != Outcome::TimedOut {
            return;
        }
    }
}
