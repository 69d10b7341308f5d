//! Models of the nap: what the look before it misses, the look after it finds, and timers are late by it at most.
//!
//! A heavy fence waits for the stores of whoever runs: modelled by a lock that a poster holds from the look at the
//! counters until what he has pushed can be seen, and that the look behind the fence takes and releases. The look before
//! the nap does not, so it may come in between.

use super::model::Workers;
use crate::{check::check, task::Task};
use std::{cell::Cell, sync::Arc};
use vitte_wait::facade::{
    Mutex,
    atomic::{AtomicBool, Ordering::*},
    clock, plain, thread,
};

/// How long a nap of these models is. Like the clock no part of the model.
static NAP: plain::Mutex<u64> = plain::Mutex::new(0);
/// A nap's length, in the modelled clock's nanoseconds.
const SHORT: u64 = 1_000;

/// How long naps are now.
pub(super) fn nap() -> u64 {
    *NAP.lock()
}

/// Sets the length of naps while it is there.
struct Napping;

impl Napping {
    fn new() -> Self {
        *NAP.lock() = SHORT;
        Self
    }
}

impl Drop for Napping {
    fn drop(&mut self) {
        *NAP.lock() = 0;
    }
}

/// Time goes by until `over`.
fn pass_time(over: &AtomicBool) {
    while !over.load(Relaxed) {
        clock::set(clock::now() + 2 * SHORT);
        thread::yield_now();
    }
}

/// A task is posted while a worker falls asleep, who naps first. `is_flawed`: nor does the last look wait for whoever is posting.
fn a_post_and_a_nap(is_flawed: bool) {
    let _napping = Napping::new();
    let workers = Workers::new(2);
    let (posting, over) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
    let sleeper = {
        let (posting, over) = (Arc::clone(&posting), Arc::clone(&over));
        workers.start(1, move |workers| {
            let napped = Cell::new(false);
            let look = |_| {
                // The last look is the one behind the nap.
                let is_last = napped.replace(workers.0.remotes[1].bed.is_asleep());
                if is_last && !is_flawed {
                    drop(posting.lock());
                }
                (workers.0.remotes[0].fresh.steal(|_| {}) > 0).then_some(())
            };
            let idle = &workers.0.idle;
            while idle.wait(&workers.0, 1, u64::MAX, || false, look).is_none() {
                napped.set(false);
            }
            over.store(true, Relaxed);
        })
    };
    {
        let _posting = posting.lock();
        // The look overtakes the push, as on a processor that has not let go of its store.
        let wakes = workers.0.idle.counters.load().wants_wake();
        let nobody = std::ptr::without_provenance_mut::<Task>(128);
        // SAFETY: the model's owner of this stack calls; the address is not followed.
        unsafe { workers.0.remotes[0].fresh.push(nobody) };
        if wakes {
            workers.0.idle.wake_one(&workers.0);
        }
    }
    pass_time(&over);
    sleeper.join().unwrap();
    workers.over();
}

#[test]
fn what_the_look_before_the_nap_misses_is_found_after_it() {
    check("nap: a post that is under way", 2, || {
        a_post_and_a_nap(false)
    });
}

/// Time goes by in vain.
#[test]
#[should_panic(expected = "maximum number of branches")]
fn who_sleeps_on_after_the_nap_without_waiting_for_posters_sleeps_for_ever() {
    check("flawed: nap, the last look waits for nobody", 2, || {
        a_post_and_a_nap(true);
    });
}
