//! Waiting, as a plain thread does it: who ends a wait, what survives it, and in which order.
#![cfg(not(any(loom, shuttle)))]

use std::{
    sync::{Arc, Barrier, mpsc},
    thread,
    time::{Duration, Instant},
};
use vitte_wait::{
    Deadline, Node, Outcome, Reason, StopSource, StopToken, Ticket, Unit, Wait, WaitQueue, current,
    facade::plain::Mutex,
};

/// Longer than any test takes on the slowest machine, so that a hang is a failure and not silence.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `body` on a thread (and so a unit) of its own; panics if it does not end.
fn watched<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, ended) = mpsc::channel::<()>();
    let test = thread::spawn(move || {
        let _done = done;
        body()
    });
    if ended.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("the test hangs");
    }
    test.join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn wait() -> Wait {
    Wait::begin(Reason::Event, std::ptr::null())
}

/// A thread that waits, and the ticket of its wait.
fn waiter(
    deadline: Deadline,
    stop: Option<StopToken>,
) -> (thread::JoinHandle<Outcome>, Ticket, &'static Unit) {
    let (tell, told) = mpsc::channel();
    let handle = thread::spawn(move || {
        let wait = wait();
        tell.send(wait.ticket()).unwrap();
        wait.park(deadline, stop.as_ref())
    });
    let ticket = told.recv().unwrap();
    (handle, ticket, ticket.unit())
}

#[test]
fn smoke() {
    watched(|| {
        let (handle, ticket, _) = waiter(Deadline::NEVER, None);
        ticket
            .claim(Outcome::Woken)
            .expect("nobody else claims")
            .wake();
        assert_eq!(handle.join().unwrap(), Outcome::Woken);
    });
}

#[test]
fn a_wait_that_nobody_ends_times_out() {
    watched(|| {
        let begin = Instant::now();
        let patience = Duration::from_millis(5);
        assert_eq!(
            wait().park(Deadline::after(patience), None),
            Outcome::TimedOut
        );
        assert!(begin.elapsed() >= patience);
        assert_eq!(wait().park(Deadline::NOW, None), Outcome::TimedOut);
    });
}

#[test]
fn every_way_to_end_a_wait_is_reported_as_itself() {
    watched(|| {
        let outcomes = [
            Outcome::Woken,
            Outcome::TimedOut,
            Outcome::Canceled,
            Outcome::Stopped,
        ];
        for outcome in outcomes {
            let (handle, ticket, _) = waiter(Deadline::NEVER, None);
            assert!(ticket.is_open());
            drop(ticket.claim(outcome).expect("nobody else claims"));
            assert_eq!(handle.join().unwrap(), outcome);
        }
    });
}

#[test]
fn the_first_claim_decides_and_every_later_one_loses() {
    watched(|| {
        let wait = wait();
        let ticket = wait.ticket();
        let claimed = ticket.claim(Outcome::Stopped).expect("it is the first");
        assert!(ticket.claim(Outcome::Woken).is_none());
        assert!(!ticket.is_open());
        // A cancellation is too late for this wait, and in time for the next.
        current::unit().cancel();
        drop(claimed);
        assert_eq!(wait.park(Deadline::NOW, None), Outcome::Stopped);
        assert_eq!(self::wait().park(Deadline::NEVER, None), Outcome::Canceled);
    });
}

#[test]
fn wake_timeout_cancel_and_stop_agree_on_one_winner() {
    watched(|| {
        for round in 0..300_u64 {
            let source = StopSource::new();
            let nap = Duration::from_micros(round % 60);
            let (tell, told) = mpsc::channel();
            let over = Arc::new(Barrier::new(2));
            let waiter = {
                let (token, over) = (source.token(), over.clone());
                thread::spawn(move || {
                    let wait = wait();
                    tell.send(wait.ticket()).unwrap();
                    let outcome = wait.park(Deadline::after(nap), Some(&token));
                    // A late cancellation must not meet the next thread that gets this unit.
                    over.wait();
                    outcome
                })
            };
            let ticket = told.recv().unwrap();
            let waker = thread::spawn(move || ticket.claim(Outcome::Woken).map(drop).is_some());
            let canceler = thread::spawn(move || ticket.unit().cancel());
            source.stop();
            let woken = waker.join().unwrap();
            canceler.join().unwrap();
            over.wait();
            let outcome = waiter.join().unwrap();
            assert_eq!(woken, outcome == Outcome::Woken, "in round {round}");
            assert!(ticket.claim(Outcome::Woken).is_none());
        }
    });
}

#[test]
fn the_waiter_stands_still_while_its_claim_is_held() {
    watched(|| {
        let (handle, ticket, _) = waiter(Deadline::after(Duration::from_millis(1)), None);
        let Some(claimed) = ticket.claim(Outcome::Woken) else {
            // A slow machine: the deadline was first.
            assert_eq!(handle.join().unwrap(), Outcome::TimedOut);
            return;
        };
        thread::sleep(Duration::from_millis(20));
        assert!(!handle.is_finished(), "it runs although its claim is held");
        drop(claimed);
        assert_eq!(handle.join().unwrap(), Outcome::Woken);
    });
}

#[test]
fn a_stale_ticket_loses() {
    watched(|| {
        let first = wait();
        let stale = first.ticket();
        assert_eq!(first.withdraw(), Ok(()));
        assert!(stale.claim(Outcome::Woken).is_none());
        let second = wait();
        assert!(!stale.is_open() && stale.claim(Outcome::Woken).is_none());
        assert!(second.ticket().is_open());
        assert_eq!(second.withdraw(), Ok(()));
    });
}

#[test]
fn withdrawing_after_a_claim_reports_the_claim() {
    watched(|| {
        let wait = wait();
        drop(wait.ticket().claim(Outcome::Woken));
        assert_eq!(wait.withdraw(), Err(Outcome::Woken));
    });
}

#[test]
fn an_unpark_before_the_park_is_remembered() {
    watched(|| {
        current::unit().unpark();
        assert_eq!(Wait::park_token(Deadline::NEVER, None), Outcome::Woken);
    });
}

#[test]
fn park_tokens_do_not_add_up() {
    watched(|| {
        current::unit().unpark();
        current::unit().unpark();
        assert_eq!(Wait::park_token(Deadline::NOW, None), Outcome::Woken);
        assert_eq!(Wait::park_token(Deadline::NOW, None), Outcome::TimedOut);
    });
}

#[test]
fn a_park_token_survives_another_wait() {
    watched(|| {
        current::unit().unpark();
        assert_eq!(wait().park(Deadline::NOW, None), Outcome::TimedOut);
        let other = wait();
        // Not even during the wait does it end a wait for something else.
        current::unit().unpark();
        assert!(other.ticket().is_open());
        assert_eq!(other.withdraw(), Ok(()));
        assert_eq!(Wait::park_token(Deadline::NEVER, None), Outcome::Woken);
        assert_eq!(Wait::park_token(Deadline::NOW, None), Outcome::TimedOut);
    });
}

#[test]
fn an_unpark_wakes_a_parked_unit() {
    watched(|| {
        let (tell, told) = mpsc::channel();
        let handle = thread::spawn(move || {
            tell.send(current::unit()).unwrap();
            Wait::park_token(Deadline::NEVER, None)
        });
        let unit = told.recv().unwrap();
        while unit.waits_for().0 != Reason::Park {
            thread::yield_now();
        }
        unit.unpark();
        assert_eq!(handle.join().unwrap(), Outcome::Woken);
    });
}

#[test]
fn a_cancellation_ends_this_wait_and_every_later_one() {
    watched(|| {
        let (handle, _, unit) = waiter(Deadline::NEVER, None);
        unit.cancel();
        assert_eq!(handle.join().unwrap(), Outcome::Canceled);

        current::unit().cancel();
        assert!(current::unit().is_canceled());
        for _ in 0..2 {
            assert_eq!(wait().park(Deadline::NEVER, None), Outcome::Canceled);
            assert_eq!(Wait::park_token(Deadline::NEVER, None), Outcome::Canceled);
        }
    });
}

#[test]
fn a_masked_cancellation_waits_until_it_is_unmasked() {
    watched(|| {
        let unit = current::unit();
        assert!(!unit.mask_cancel(true));
        unit.cancel();
        assert!(!unit.is_canceled());
        let soon = || Deadline::after(Duration::from_millis(1));
        assert_eq!(wait().park(soon(), None), Outcome::TimedOut);
        let during = wait();
        unit.cancel();
        assert!(during.ticket().is_open());
        assert_eq!(during.withdraw(), Ok(()));
        assert!(unit.mask_cancel(false));
        assert!(unit.is_canceled());
        assert_eq!(wait().park(Deadline::NEVER, None), Outcome::Canceled);
    });
}

#[test]
fn an_uncancelable_wait_runs_its_course() {
    watched(|| {
        current::unit().cancel();
        let wait = Wait::begin_uncancelable(Reason::Lock, std::ptr::null());
        current::unit().cancel();
        let soon = Deadline::after(Duration::from_millis(1));
        assert_eq!(wait.park(soon, None), Outcome::TimedOut);
    });
}

#[test]
fn a_stop_before_during_and_after_the_wait() {
    watched(|| {
        let source = StopSource::new();
        let token = source.token();
        // After: a wait that is over takes no notice.
        assert_eq!(wait().park(Deadline::NOW, Some(&token)), Outcome::TimedOut);
        // During.
        let (handle, _, unit) = waiter(Deadline::NEVER, Some(token.clone()));
        while !format!("{unit:?}").contains("parked") {
            thread::yield_now();
        }
        source.stop();
        assert_eq!(handle.join().unwrap(), Outcome::Stopped);
        assert!(token.is_stopped() && source.is_stopped());
        // Before, and twice.
        source.stop();
        assert_eq!(wait().park(Deadline::NEVER, Some(&token)), Outcome::Stopped);
        assert_eq!(
            Wait::park_token(Deadline::NEVER, Some(&token)),
            Outcome::Stopped
        );
    });
}

#[test]
fn who_waits_for_a_token_with_a_deadline_of_its_own_is_told_whose_came_first() {
    watched(|| {
        let soon = || Deadline::after(Duration::from_millis(2));
        let far = Deadline::after(Duration::from_secs(600));
        let source = StopSource::new();
        for made_of in [false, true] {
            let token = |at| match made_of {
                true => StopToken::any([&*source, &StopToken::at(at)]),
                false => StopToken::at(at),
            };
            // Its own is the stop that is waited for, also if the other comes at the same time.
            assert_eq!(token(soon()).wait(Deadline::NEVER, None), Outcome::Woken);
            assert_eq!(token(soon()).wait(far, None), Outcome::Woken);
            let both = soon();
            assert_eq!(token(both).wait(both, None), Outcome::Woken);
            assert_eq!(token(far).wait(soon(), None), Outcome::TimedOut);
            assert_eq!(token(Deadline::NEVER).wait(soon(), None), Outcome::TimedOut);
        }
    });
}

#[test]
fn one_stop_ends_all_that_watch() {
    watched(|| {
        let source = StopSource::new();
        let waiters: Vec<_> = (0..4)
            .map(|_| waiter(Deadline::NEVER, Some(source.token())).0)
            .collect();
        source.clone().stop();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Outcome::Stopped);
        }
    });
}

#[test]
fn units_of_ended_threads_are_used_again() {
    // Other tests' threads take units too, so ask for any reuse among many.
    watched(|| {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let unit = thread::spawn(|| {
                // Nothing of the previous life is left.
                assert!(!current::unit().is_canceled());
                assert_eq!(Wait::park_token(Deadline::NOW, None), Outcome::TimedOut);
                current::unit().cancel();
                current::unit().unpark();
                std::ptr::from_ref(current::unit()).addr()
            })
            .join()
            .unwrap();
            seen.insert(unit);
        }
        assert!(seen.len() < 200, "every thread made a unit of its own");
    });
}

#[test]
fn a_ticket_of_an_ended_thread_stays_stale() {
    watched(|| {
        let old = thread::spawn(|| {
            let wait = wait();
            let ticket = wait.ticket();
            assert_eq!(wait.park(Deadline::NOW, None), Outcome::TimedOut);
            ticket
        })
        .join()
        .unwrap();
        for _ in 0..20 {
            thread::spawn(move || {
                let wait = wait();
                assert!(old.claim(Outcome::Woken).is_none());
                assert_eq!(wait.withdraw(), Ok(()));
            })
            .join()
            .unwrap();
        }
    });
}

#[test]
fn debug_says_how_far_a_wait_has_come() {
    watched(|| {
        let unit = current::unit();
        assert_eq!(
            format!("{unit:?}"),
            "Unit { kind: \"thread\", state: \"running\", reason: None, token: false, \
             canceled: false, .. }"
        );
        let wait = wait();
        assert!(format!("{unit:?}").contains("state: \"parking\", reason: Event"));
        drop(wait.ticket().claim(Outcome::Woken));
        assert!(format!("{unit:?}").contains("state: \"woken\", reason: None"));
        assert_eq!(wait.withdraw(), Err(Outcome::Woken));
        // A token that is there ends a wait before it begins: nothing of it is left to be shown.
        unit.unpark();
        assert_eq!(Wait::park_token(Deadline::NOW, None), Outcome::Woken);
        assert!(format!("{unit:?}").contains("reason: None"));
    });
}

/// Payloads of those popped, until the queue is empty.
fn pop_payloads(queue: &mut WaitQueue) -> Vec<usize> {
    std::iter::from_fn(|| queue.pop(Outcome::Woken))
        .map(|(claimed, payload)| {
            claimed.wake();
            payload.addr()
        })
        .collect()
}

/// A wait of a unit made for it, so that one thread can hold several.
fn foreign_ticket() -> (Ticket, thread::JoinHandle<Outcome>) {
    let (handle, ticket, _) = waiter(Deadline::NEVER, None);
    (ticket, handle)
}

#[test]
fn a_queue_is_first_in_first_out() {
    watched(|| {
        let waiters: Vec<_> = (0..4).map(|_| foreign_ticket()).collect();
        let nodes: Vec<_> = (1..)
            .zip(&waiters)
            .map(|(n, (ticket, _))| Node::new(*ticket, std::ptr::without_provenance_mut(n)))
            .collect();
        let mut queue = WaitQueue::new();
        for node in &nodes {
            // SAFETY: the node is in no queue, outlives the queue's use of it, and is this
            // thread's alone.
            unsafe { queue.push(node) };
        }
        assert_eq!(queue.len(), 4);
        assert_eq!(queue.peek_open().unwrap().1.addr(), 1);
        assert_eq!(pop_payloads(&mut queue), [1, 2, 3, 4]);
        assert!(queue.is_empty() && nodes.iter().all(|node| !node.is_linked()));
        for (_, handle) in waiters {
            assert_eq!(handle.join().unwrap(), Outcome::Woken);
        }
    });
}

#[test]
fn a_node_leaves_from_anywhere_and_only_once() {
    watched(|| {
        for leaving in 0..3_usize {
            let waiters: Vec<_> = (0..3).map(|_| foreign_ticket()).collect();
            let nodes: Vec<_> = (0..)
                .zip(&waiters)
                .map(|(n, (ticket, _))| Node::new(*ticket, std::ptr::without_provenance_mut(n)))
                .collect();
            let mut queue = WaitQueue::new();
            for node in &nodes {
                // SAFETY: as in the test above.
                unsafe { queue.push(node) };
            }
            // SAFETY: the node is linked into this queue.
            assert!(unsafe { queue.remove(&nodes[leaving]) });
            // SAFETY: it is linked into none.
            assert!(!unsafe { queue.remove(&nodes[leaving]) });
            // It can come back, and is then the last.
            // SAFETY: as in the test above.
            unsafe { queue.push(&nodes[leaving]) };
            let mut expected: Vec<_> = (0..3).filter(|n| *n != leaving).collect();
            expected.push(leaving);
            assert_eq!(pop_payloads(&mut queue), expected);
            for (_, handle) in waiters {
                assert_eq!(handle.join().unwrap(), Outcome::Woken);
            }
        }
    });
}

#[test]
fn popping_passes_over_whoever_was_claimed_already() {
    watched(|| {
        let waiters: Vec<_> = (0..3).map(|_| foreign_ticket()).collect();
        let nodes: Vec<_> = (0..)
            .zip(&waiters)
            .map(|(n, (ticket, _))| Node::new(*ticket, std::ptr::without_provenance_mut(n)))
            .collect();
        let mut queue = WaitQueue::new();
        for node in &nodes {
            // SAFETY: as in the tests above.
            unsafe { queue.push(node) };
        }
        drop(waiters[0].0.claim(Outcome::TimedOut));
        assert_eq!(queue.len(), 3);
        assert_eq!(queue.peek_open().unwrap().1.addr(), 1);
        assert_eq!(queue.pop_all(Outcome::Stopped).len(), 2);
        let outcomes = waiters
            .into_iter()
            .map(|(_, handle)| handle.join().unwrap());
        let expected = [Outcome::TimedOut, Outcome::Stopped, Outcome::Stopped];
        assert!(outcomes.eq(expected));
    });
}

#[test]
fn a_mutex_guarded_queue_wakes_everybody_once() {
    struct Gate {
        open: bool,
        waiters: WaitQueue,
    }
    // Not the standard library's: what that does when two want it is hidden from ThreadSanitizer.
    static GATE: Mutex<Gate> = Mutex::new(Gate {
        open: false,
        waiters: WaitQueue::new(),
    });
    watched(|| {
        let waiters: Vec<_> = (0..8)
            .map(|_| {
                thread::spawn(|| {
                    let wait = wait();
                    let node = Node::new(wait.ticket(), std::ptr::null_mut());
                    let mut gate = GATE.lock();
                    if gate.open {
                        drop(gate);
                        return wait.withdraw().is_ok();
                    }
                    // SAFETY: the node stays here until it was popped, for nothing else ends
                    // the wait, and is touched under the lock only.
                    unsafe { gate.waiters.push(&node) };
                    drop(gate);
                    wait.park(Deadline::NEVER, None) == Outcome::Woken
                })
            })
            .collect();
        let woken = {
            let mut gate = GATE.lock();
            gate.open = true;
            gate.waiters.pop_all(Outcome::Woken)
        };
        drop(woken);
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    });
}
