//! No wake-up is lost between looking and parking.

use crate::check::check;
use vitte_wait::{
    Deadline, Node, Outcome, Reason, Wait, WaitQueue, current,
    facade::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
        thread,
    },
};

#[test]
fn what_comes_before_an_unpark_is_seen_after_the_park() {
    check("publish and unpark", 3, || {
        let flag = Arc::new(AtomicBool::new(false));
        let unit = current::unit();
        let other = {
            let flag = flag.clone();
            thread::spawn(move || {
                flag.store(true, Relaxed);
                unit.unpark();
            })
        };
        // If the wake-up were lost this would be a deadlock, which the checker reports.
        assert_eq!(Wait::park_token(Deadline::NEVER, None), Outcome::Woken);
        assert!(flag.load(Relaxed));
        other.join().unwrap();
    });
}

#[derive(Default)]
struct Gate {
    open: bool,
    waiters: WaitQueue,
}

fn pass(gate: &Mutex<Gate>) {
    let wait = Wait::begin(Reason::Event, std::ptr::null());
    let node = Node::new(wait.ticket(), std::ptr::null_mut());
    let mut inside = gate.lock();
    if inside.open {
        drop(inside);
        assert_eq!(wait.withdraw(), Ok(()));
        return;
    }
    // SAFETY: the node stays in this frame until it is popped, for only `open` ends the wait; it
    // is touched under the lock only.
    unsafe { inside.waiters.push(&node) };
    drop(inside);
    assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
}

fn open(gate: &Mutex<Gate>) {
    let woken = {
        let mut inside = gate.lock();
        inside.open = true;
        inside.waiters.pop_all(Outcome::Woken)
    };
    drop(woken);
}

#[test]
fn a_queued_waiter_is_woken_or_sees_that_it_need_not_wait() {
    check("queue and look again", 3, || {
        let gate = Arc::new(Mutex::new(Gate::default()));
        let other = {
            let gate = gate.clone();
            thread::spawn(move || pass(&gate))
        };
        open(&gate);
        other.join().unwrap();
    });
}

#[test]
fn two_queued_waiters_are_both_woken() {
    check("queue of two", 2, || {
        let gate = Arc::new(Mutex::new(Gate::default()));
        let others = [(); 2].map(|()| {
            let gate = gate.clone();
            thread::spawn(move || pass(&gate))
        });
        open(&gate);
        for other in others {
            other.join().unwrap();
        }
    });
}
