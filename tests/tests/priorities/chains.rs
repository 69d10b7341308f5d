//! A holder that waits for another lock passes on what it inherits, and all is taken back in any order.

use crate::inherit::{Busy, HOGS, LIMIT};
use std::sync::{Arc, atomic::Ordering::Relaxed};
use vitte_sync::Mutex;
use vitte_tests::{units::until_waiting, within};
use vitte_threads::{Priority, oneshot, park_timeout, yield_now};
use vitte_wait::{Reason, Unit, current};

/// How many wait for one another.
const LINKS: usize = 6;

#[test]
fn a_chain_of_holders_is_lifted_to_its_end() {
    within(LIMIT, "chain", || {
        let busy = Busy::start();
        let locks: Arc<[Mutex<()>]> = (0..LINKS).map(|_| Mutex::new(())).collect();
        let mut holders = Vec::new();
        // Each holds a lock and waits for the one before it; the first one waits for nobody.
        for at in 0..LINKS {
            let locks = Arc::clone(&locks);
            let (tell, told) = oneshot::channel();
            let class = if at % 2 == 0 {
                Priority::Low
            } else {
                Priority::Normal
            };
            let holder = busy.spawn(class, move || {
                let me = current::unit();
                let own = locks[at].lock().unwrap();
                tell.send(me).unwrap();
                if at == 0 {
                    while me.priority() != Priority::High {
                        yield_now();
                    }
                } else {
                    drop(locks[at - 1].lock().unwrap());
                }
                drop(own);
                assert_eq!((me.priority(), me.lifted()), (class, None));
            });
            let unit: &'static Unit = told.recv().unwrap();
            if at > 0 {
                until_waiting(unit, Reason::Lock);
            }
            holders.push(holder);
        }
        let picks = Arc::clone(&busy.picks);
        let urgent = busy.spawn(Priority::High, move || {
            let begin = picks.load(Relaxed);
            drop(locks[LINKS - 1].lock().unwrap());
            picks.load(Relaxed) - begin
        });
        let waited = urgent.join().unwrap();
        // A lock is left free for whoever comes first, so each link may cost a wake-up or two; without
        // inheritance each would cost turns of the low class, of some hundred picks.
        let bound = 2 * HOGS * LINKS as u64;
        assert!(waited <= bound, "{waited} normal picks");
        for holder in holders {
            holder.join().unwrap();
        }
        busy.end();
    });
}

#[test]
fn of_two_locks_each_takes_back_its_own() {
    within(LIMIT, "two locks", || {
        let busy = Busy::start();
        let (one, other) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let (theirs, others) = (Arc::clone(&one), Arc::clone(&other));
        let (tell, told) = oneshot::channel();
        let (go, gone) = oneshot::channel::<()>();
        let owner = busy.spawn(Priority::Low, move || {
            let me = current::unit();
            let (first, second) = (theirs.lock().unwrap(), others.lock().unwrap());
            tell.send(()).unwrap();
            gone.recv().unwrap();
            // Two high ones wait for the first, a normal one for the second. Not in the order of taking.
            assert_eq!(me.priority(), Priority::High);
            drop(first);
            assert_eq!(me.priority(), Priority::Normal);
            drop(second);
            assert_eq!(me.priority(), Priority::Low);
        });
        told.recv().unwrap();
        let classes = [
            (&one, Priority::High),
            (&other, Priority::Normal),
            (&one, Priority::High),
        ];
        let waiters = classes.map(|(lock, class)| {
            let lock = Arc::clone(lock);
            let (tell, told) = oneshot::channel();
            let waiter = busy.spawn(class, move || {
                tell.send(current::unit()).unwrap();
                drop(lock.lock().unwrap());
            });
            let unit: &'static Unit = told.recv().unwrap();
            until_waiting(unit, Reason::Lock);
            waiter
        });
        go.send(()).unwrap();
        owner.join().unwrap();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        busy.end();
    });
}

/// Fibers of all classes take locks at random, in an order that cannot deadlock, and some give up.
#[test]
fn nothing_stays_lent_whatever_ends_the_waits() {
    let seed = vitte_tests::seed();
    within(LIMIT, "random", move || {
        let runtime = vitte_threads::Runtime::builder()
            .workers(2)
            .build()
            .unwrap();
        let locks: Arc<[Mutex<u64>]> = (0..3).map(|_| Mutex::new(0)).collect();
        let fibers: Vec<_> = (0..12_u64)
            .map(|n| {
                let locks = Arc::clone(&locks);
                let class = [Priority::Low, Priority::Normal, Priority::High][n as usize % 3];
                runtime.fiber().priority(class).spawn(move || {
                    let me = current::unit();
                    let mut state = seed ^ n;
                    let mut taken = [0; 3];
                    for _ in 0..400 {
                        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D) | 1;
                        let first = (state >> 40) as usize % 3;
                        let Ok(mut held) = locks[first].lock() else {
                            unreachable!("nobody is canceled")
                        };
                        *held += 1;
                        taken[first] += 1;
                        if (state >> 60) & 1 == 0 {
                            yield_now();
                        }
                        let patience = std::time::Duration::from_micros((state >> 50) & 63);
                        if let Some(next) = locks.get(first + 1)
                            && let Ok(mut next) = next.lock_timeout(patience)
                        {
                            *next += 1;
                            taken[first + 1] += 1;
                            yield_now();
                        }
                        if (state >> 61) & 3 == 0 {
                            let _ = park_timeout(patience);
                        }
                    }
                    assert_eq!((me.lifted(), me.class()), (None, class));
                    taken
                })
            })
            .collect();
        let mut sum = [0; 3];
        for fiber in fibers {
            let taken = fiber.join().unwrap();
            for (sum, taken) in sum.iter_mut().zip(taken) {
                *sum += taken;
            }
        }
        for (lock, sum) in locks.iter().zip(sum) {
            assert_eq!(*lock.lock().unwrap(), sum);
        }
    });
}
