//! What one task can keep from the others.

use crate::{LIMIT, after, end, run, start};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
    thread,
    time::{Duration, Instant},
};
use vitte_channels::{Channel, broadcast, mpmc, oneshot, priority, queue, select, spsc, watch};
use vitte_scheduler::{
    Config, Poll, Scheduler, SliceEnd, SpawnOptions, poll_slow, sleep_until, spawn, spawn_with,
};
use vitte_tests::within;
use vitte_threads::{
    io,
    sync::{RwLock, Semaphore},
};

/// One worker whose slices are so long that a thing which waits for many of them is noticed.
fn slow() -> Scheduler {
    Scheduler::start(Config {
        workers: 1,
        timeslice: Duration::from_millis(20),
        ..Config::default()
    })
    .unwrap()
}

#[test]
fn a_polling_loop_lets_others_run_and_sees_its_cancellation() {
    within(LIMIT, "polling", || {
        let on = slow();
        let looping = on.spawn(&SpawnOptions::default(), || {
            while poll_slow() == Poll::Continue {}
        });
        let other = on.spawn(&SpawnOptions::default(), || {
            spawn(|| sleep_until(after(5))).join().is_ok()
        });
        assert!(other.join().unwrap());
        looping.cancel();
        looping.join().unwrap();
        end(&on);
    });
}

#[test]
fn a_loop_of_inline_joins_that_polls_uses_up_its_slice() {
    within(LIMIT, "inline polling", || {
        let on = slow();
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let looping = on.spawn(&SpawnOptions::default(), move || {
            while !seen.load(Relaxed) {
                let _ = poll_slow();
                let _ = spawn(poll_slow).join().unwrap();
            }
        });
        // Without slices this never runs, for there is one worker, and no loop above ever waits.
        let other = on.spawn(&SpawnOptions::default(), move || over.store(true, Relaxed));
        other.join().unwrap();
        looping.join().unwrap();
        end(&on);
    });
}

#[test]
fn what_comes_from_outside_waits_for_few_slices_only() {
    within(LIMIT, "outside", || {
        let on = slow();
        let loops: Vec<_> = (0..3)
            .map(|_| {
                on.spawn(&SpawnOptions::default(), || {
                    while poll_slow() == Poll::Continue {}
                })
            })
            .collect();
        let ended = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&ended);
        on.set_slice_handler(Some(move |_| {
            counted.fetch_add(1, Relaxed);
            SliceEnd::Yield
        }));
        while ended.load(Relaxed) < 3 {
            thread::sleep(Duration::from_millis(1));
        }
        let waited: u64 = (0..5)
            .map(|_| {
                let (before, ended) = (ended.load(Relaxed), Arc::clone(&ended));
                run(&on, move || ended.load(Relaxed) - before)
            })
            .sum();
        for task in &loops {
            task.cancel();
        }
        // Four sources take turns, so it should be four slices each; it was a hundred. Others may run before this thread spawns.
        assert!(waited < 5 * 40, "waited for {waited} slices");
        end(&on);
    });
}

#[test]
fn tasks_that_go_on_by_successors_do_not_keep_an_older_one_waiting() {
    fn succeed(over: Arc<AtomicBool>) {
        if !over.load(Relaxed) {
            spawn(move || succeed(over)).detach();
        }
    }
    within(LIMIT, "successors", || {
        let on = start(1);
        run(&on, || {
            let over = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&over);
            spawn(move || over.store(true, Relaxed)).detach();
            spawn(move || succeed(seen)).detach();
        });
        end(&on);
    });
}

#[test]
fn idle_carriers_of_large_stacks_do_not_pile_up() {
    within(LIMIT, "carriers", || {
        let config = Config {
            workers: 1,
            warm_stack_bytes: 4 << 20,
            ..Config::default()
        };
        let on = Scheduler::start(config).unwrap();
        run(&on, || {
            let large = SpawnOptions {
                stack_size: Some(1 << 20),
                ..SpawnOptions::default()
            };
            let tasks: Vec<_> = (0..64)
                .map(|_| spawn_with(&large, || sleep_until(after(20))))
                .collect();
            for task in tasks {
                let _ = task.join().unwrap();
            }
        });
        run(&on, || ());
        // Four of them are all that the bound allows; some more carriers are of the usual size. The
        // worker gives the rest back when it has nothing else to do.
        let start = Instant::now();
        while on.stats().stacks >= 32 {
            let stacks = on.stats().stacks;
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{stacks} stacks are kept"
            );
            thread::sleep(Duration::from_millis(5));
        }
        end(&on);
    });
}

/// Who always finds something in a channel never waits; the others have their turns all the same, at every kind of channel,
/// and at descriptors.
#[test]
fn who_gets_on_in_channels_without_waiting_lets_others_run() {
    /// Sends and receives once, without waiting.
    type Turn = Box<dyn FnMut()>;
    type Kind = (&'static str, fn() -> Turn);
    macro_rules! both_ends {
        ($ends:expr) => {
            || {
                let (tx, rx) = $ends;
                Box::new(move || {
                    tx.send(1).unwrap();
                    rx.recv().unwrap();
                })
            }
        };
    }
    let kinds: &[Kind] = &[
        ("unbounded", both_ends!(Channel::new())),
        ("bounded", both_ends!(Channel::bounded(1))),
        ("many", both_ends!(mpmc::bounded(1))),
        ("many, unbounded", both_ends!(mpmc::unbounded())),
        ("one to one", both_ends!(spsc::channel(2))),
        ("queue", both_ends!(queue::bounded(1))),
        ("broadcast", both_ends!(broadcast::channel(1))),
        ("only sends", || {
            let (tx, rx) = Channel::new();
            Box::new(move || {
                tx.send(1).unwrap();
                let _ = &rx;
            })
        }),
        ("batches", || {
            let (tx, rx) = Channel::bounded(4);
            let mut got = Vec::new();
            Box::new(move || {
                tx.send_many([1, 2, 3]).unwrap();
                rx.recv_many(&mut got, 3).unwrap();
                got.clear();
            })
        }),
        ("priority", || {
            let (tx, rx) = priority::unbounded::<u8, u8>(priority::First::Smallest);
            Box::new(move || {
                tx.send((1, 1)).unwrap();
                rx.recv().unwrap();
            })
        }),
        ("watch", || {
            let (tx, rx) = watch::channel(1);
            Box::new(move || {
                tx.send(1).unwrap();
                rx.changed().unwrap();
            })
        }),
        // A whole budget comes with each, but not for ever.
        ("a oneshot each turn", || {
            Box::new(|| {
                let (tx, rx) = oneshot::channel();
                tx.send(1).unwrap();
                rx.recv().unwrap();
            })
        }),
        ("a oneshot each turn, that is only sent", || {
            Box::new(|| {
                let (tx, _rx) = oneshot::channel();
                tx.send(1).unwrap();
            })
        }),
        ("a channel each turn", || {
            Box::new(|| {
                let (tx, rx) = Channel::bounded(1);
                tx.send(1).unwrap();
                rx.recv().unwrap();
            })
        }),
        ("a queue each turn", || {
            Box::new(|| {
                let (tx, rx) = queue::bounded(1);
                tx.send(1).unwrap();
                rx.recv().unwrap();
            })
        }),
        ("a sender each turn", || {
            let (tx, rx) = mpmc::unbounded();
            Box::new(move || {
                tx.clone().send(1).unwrap();
                let _ = rx.try_recv();
            })
        }),
        ("a watch each turn", || {
            Box::new(|| {
                let (tx, rx) = watch::channel(1);
                tx.send(1).unwrap();
                rx.changed().unwrap();
            })
        }),
        ("a receiver of a broadcast each turn", || {
            let (tx, _rx) = broadcast::channel(1);
            Box::new(move || {
                let rx = tx.subscribe();
                tx.send(1).unwrap();
                rx.recv().unwrap();
            })
        }),
        ("a pipe", || {
            let (reader, writer) = io::pipe().unwrap();
            Box::new(move || {
                assert_eq!(writer.write(&[1]).unwrap(), 1);
                assert_eq!(reader.read(&mut [0]).unwrap(), 1);
            })
        }),
        ("a pipe each turn", || {
            Box::new(|| {
                let (reader, writer) = io::pipe().unwrap();
                assert_eq!(writer.write(&[1]).unwrap(), 1);
                assert_eq!(reader.read(&mut [0]).unwrap(), 1);
            })
        }),
        ("datagrams", || {
            let (ours, theirs) = io::UnixDatagram::pair().unwrap();
            Box::new(move || {
                ours.send(&[1]).unwrap();
                assert_eq!(theirs.recv(&mut [0]).unwrap(), 1);
            })
        }),
        ("a permit", || {
            let permits = Semaphore::new(2);
            Box::new(move || drop(permits.acquire().unwrap()))
        }),
        ("reading and writing", || {
            let lock = RwLock::new(0);
            Box::new(move || {
                let seen: u32 = *lock.read().unwrap();
                *lock.write().unwrap() = seen.wrapping_add(1);
            })
        }),
        ("select", || {
            let (tx, rx) = Channel::new();
            let (_never, other) = Channel::new::<u8>();
            Box::new(move || {
                tx.try_send(1).unwrap();
                select! {
                    recv(rx) -> value => assert_eq!(value, Ok(1)),
                    recv(other) -> _ => (),
                }
                .unwrap();
            })
        }),
    ];
    within(LIMIT, "budgets", move || {
        for (name, kind) in kinds {
            println!("{name}");
            let on = start(1);
            let kind = *kind;
            let over = Arc::new(AtomicBool::new(false));
            let its = Arc::clone(&over);
            let busy = on.spawn(&SpawnOptions::default(), move || {
                let mut turn = kind();
                let other = spawn(move || its.store(true, Relaxed));
                while !over.load(Relaxed) {
                    turn();
                }
                other.join().unwrap();
            });
            busy.join().unwrap();
            end(&on);
        }
    });
}
