//! The checker can fail: an event that does one thing as ours must not, and is caught.

use crate::check::check;
use loom::sync::{
    Mutex,
    atomic::{
        AtomicU32,
        Ordering::{Acquire, Relaxed, Release},
    },
};
// Not loom's: that one panics once more when it is dropped after the checker has given up.
use std::sync::Arc;
use vitte_wait::{Deadline, Outcome, Reason, Ticket, Wait, facade::thread};

const UNSET: u32 = 0;
const SET: u32 = 1;
const AWAITED: u32 = 2;

/// Note [Awaited flags], but the flag is raised by a store, after a look.
#[test]
#[should_panic(expected = "deadlock")]
fn a_flag_raised_by_a_store_loses_a_signal() {
    check("flawed: awaited flag", 2, || {
        let event = Arc::new((AtomicU32::new(UNSET), Mutex::new(None::<Ticket>)));
        let other = event.clone();
        let signaller = thread::spawn(move || {
            let (state, line) = &*other;
            if state
                .compare_exchange(UNSET, SET, Release, Relaxed)
                .is_err()
            {
                let ticket = line.lock().unwrap().take();
                drop(ticket.and_then(|ticket| ticket.claim(Outcome::Woken)));
            }
        });
        let (state, line) = &*event;
        if state.load(Acquire) == UNSET {
            let wait = Wait::begin(Reason::Event, std::ptr::null());
            let mut place = line.lock().unwrap();
            state.store(AWAITED, Relaxed);
            *place = Some(wait.ticket());
            drop(place);
            assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        }
        signaller.join().unwrap();
    });
}
