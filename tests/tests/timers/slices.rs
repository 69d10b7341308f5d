//! Time slices: clients that one fiber, or one thread, serves in turn.

use crate::{LIMIT, MS, runtime};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::*},
        mpsc::channel,
    },
    thread,
    time::Duration,
};
use vitte_tests::within;
use vitte_threads::{
    Deadline, NextSlice, Runtime, SpawnError, TimeSlices,
    sync::{Event, WaitError},
};

/// Runs `case` with those of a fiber, and with those of a thread.
fn both(name: &str, case: fn(TimeSlices)) {
    within(LIMIT, name, move || {
        case(TimeSlices::on(runtime()).unwrap());
        case(TimeSlices::on_thread("slices").unwrap());
    });
}

#[test]
fn clients_that_want_to_be_called_at_once_take_turns() {
    both("turns", |slices| {
        let (tell, told) = channel();
        // Nobody is called before all are there.
        let (gate, held) = channel::<()>();
        let gatekeeper = slices.add(move || {
            let _ = held.recv();
            NextSlice::Remove
        });
        let ids: Vec<_> = (0..3)
            .map(|i| {
                let tell = tell.clone();
                let mut left = 4;
                slices.add(move || {
                    let _ = tell.send(i);
                    left -= 1;
                    if left == 0 {
                        NextSlice::Remove
                    } else {
                        NextSlice::Soon
                    }
                })
            })
            .collect();
        drop((tell, gate));
        let order: Vec<i32> = told.iter().collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
        for id in ids.into_iter().chain([gatekeeper]) {
            let id = id.unwrap();
            assert!(!slices.contains(id));
            assert_eq!(slices.remove(id), Ok(false));
        }
        assert!(slices.is_empty());
        slices.stop().unwrap();
    });
}

#[test]
fn the_client_that_is_due_first_is_called_first() {
    both("order", |slices| {
        let (tell, told) = channel();
        // Nobody is called before all are there.
        let (gate, held) = channel::<()>();
        let gatekeeper = move || {
            let _ = held.recv();
            NextSlice::Remove
        };
        slices.add_at(Deadline::NOW, gatekeeper).unwrap();
        let add = |name: &'static str, at: Deadline| {
            let tell = tell.clone();
            let client = move || {
                let _ = tell.send(name);
                NextSlice::Remove
            };
            slices.add_at(at, client).unwrap()
        };
        let hour = Deadline::after(Duration::from_secs(3600));
        let front = add("front", hour);
        add("third", Deadline::after(10 * MS));
        add("second", Deadline::from_nanos(2));
        add("first", Deadline::from_nanos(1));
        let moved = add("moved", hour);
        assert!(slices.move_to_front(front));
        drop(gate);
        let order: Vec<_> = told.iter().take(4).collect();
        assert_eq!(order, ["front", "first", "second", "third"]);
        assert!(slices.contains(moved));
        assert_eq!(slices.remove(moved), Ok(true));
        assert!(!slices.move_to_front(moved), "it is gone");
        assert!(!slices.call_at(front, Deadline::NOW), "it is gone");
    });
}

#[test]
fn a_client_that_is_removed_is_not_called_any_more() {
    both("removed", |slices| {
        let (begun, release) = (Arc::new(Event::manual()), Arc::new(Event::manual()));
        let calls = Arc::new(AtomicUsize::new(0));
        let (tell, held, count) = (begun.clone(), release.clone(), calls.clone());
        let id = slices.add(move || {
            tell.signal();
            let _ = held.wait();
            count.fetch_add(1, SeqCst);
            NextSlice::Soon
        });
        let id = id.unwrap();
        begun.wait().unwrap();
        assert!(slices.contains(id));
        assert_eq!(slices.remove_timeout(id, MS), Err(WaitError::TimedOut));
        assert!(!slices.contains(id) && slices.is_empty());
        release.signal();
        // It was removed before; this only waits.
        assert_eq!(slices.remove(id), Ok(false));
        assert!(calls.load(SeqCst) <= 1);
        assert_eq!(Arc::strong_count(&calls), 1, "it is dropped by then");
    });
}

#[test]
fn a_client_may_remove_itself_and_end_all_from_inside() {
    within(LIMIT, "inside", || {
        let slices = Arc::new(TimeSlices::on(runtime()).unwrap());
        let (tell, told) = channel();
        let (inner, id_of) = (Arc::downgrade(&slices), channel());
        let (give, id) = id_of;
        let client = slices.add(move || {
            let slices = inner.upgrade().unwrap();
            let me = id.recv().unwrap();
            assert_eq!(slices.remove(me), Ok(true));
            assert!(!slices.contains(me));
            tell.send(slices.stop()).unwrap();
            NextSlice::Soon
        });
        give.send(client.unwrap()).unwrap();
        assert_eq!(told.recv(), Ok(Ok(())));
        slices.stop().unwrap();
        assert!(told.recv().is_err(), "it is not called again");
        assert_eq!(
            slices.add(|| NextSlice::Remove),
            Err(SpawnError::ShuttingDown)
        );
        assert!(slices.take_panics().is_empty());
    });
}

#[test]
fn a_client_that_panics_is_removed_and_the_others_are_served() {
    both("panics", |slices| {
        let bad = slices.add(|| panic!("a bad client")).unwrap();
        let (tell, told) = channel();
        let good = slices.add(move || {
            let _ = tell.send(());
            NextSlice::After(MS)
        });
        for _ in 0..3 {
            told.recv().unwrap();
        }
        assert!(!slices.contains(bad) && slices.contains(good.unwrap()));
        let panics = slices.take_panics();
        assert_eq!(panics.len(), 1);
        assert_eq!((panics[0].0, panics[0].1.text()), (bad, "a bad client"));
        assert!(slices.take_panics().is_empty());
        slices.remove_all().unwrap();
        assert!(slices.is_empty());
    });
}

#[test]
fn time_slices_end_with_their_runtime() {
    within(LIMIT, "end", || {
        let on = Runtime::builder().workers(1).build().unwrap();
        let slices = TimeSlices::on(&on).unwrap();
        let owned = Arc::new(());
        let own = owned.clone();
        slices
            .add(move || {
                let _own = &own;
                NextSlice::After(Duration::from_secs(3600))
            })
            .unwrap();
        drop(on);
        slices.stop().unwrap();
        assert_eq!(Arc::strong_count(&owned), 1);
        assert!(slices.add(|| NextSlice::Soon).is_err());
    });
}

#[test]
fn threads_add_and_remove_while_others_are_served() {
    both("storm", |slices| {
        let inside = Arc::new(AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                let (slices, inside) = (&slices, &inside);
                scope.spawn(move || {
                    for round in 0..100 {
                        let count = inside.clone();
                        let client = move || {
                            assert_eq!(count.fetch_add(1, SeqCst), 0, "two at a time");
                            count.fetch_sub(1, SeqCst);
                            if round % 3 == 0 {
                                NextSlice::Soon
                            } else {
                                NextSlice::After(MS)
                            }
                        };
                        let id = slices.add(client).unwrap();
                        if round % 2 == 0 {
                            slices.move_to_front(id);
                        }
                        assert_eq!(slices.remove(id), Ok(true));
                        assert!(!slices.contains(id));
                    }
                });
            }
        });
        assert!(slices.is_empty());
        assert!(slices.take_panics().is_empty());
    });
}
