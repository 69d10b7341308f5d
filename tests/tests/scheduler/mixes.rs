//! Random programs: spawning, joining in any order, parking, canceling, on few and many workers.

use crate::{Dice, LIMIT, SharedDice, after, end, spawn_raw, start};
use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::*},
};
use vitte_scheduler::{
    FiberId, JoinError, JoinHandle, RawJoinError, Scheduler, SpawnOptions, cancel, current_id,
    join_raw, mask_cancel, park, sleep_until, spawn, spawn_migratable, unpark, yield_now,
};
use vitte_tests::{Census, Counted, seed, within};
use vitte_wait::Deadline;

/// What the tasks of one program share.
struct Program {
    dice: SharedDice,
    on: Scheduler,
    census: Census,
    budget: AtomicU64,
    ran: AtomicUsize,
}

impl Program {
    fn may_spawn(&self) -> bool {
        self.budget
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

enum Child {
    Handle(JoinHandle<Counted<u64>>, u64),
    Raw(FiberId, usize),
}

fn join(child: Child) {
    match child {
        Child::Handle(mut task, value) => {
            let joined = loop {
                match task.join_with(after(2), None) {
                    Err(JoinError::TimedOut) => task.unpark(),
                    joined => break joined,
                }
            };
            match joined {
                Ok(got) => assert_eq!(*got, value),
                Err(JoinError::Panicked(panicked)) => {
                    assert_eq!(panicked.text(), "as the dice say");
                }
                Err(JoinError::Canceled) => {}
                Err(other) => panic!("{other}"),
            }
        }
        Child::Raw(id, value) => loop {
            match join_raw(id, Deadline::NEVER) {
                Ok(got) => break assert_eq!(got.addr(), value),
                Err(RawJoinError::Panicked(text)) => break assert_eq!(text, "as the dice say"),
                Err(RawJoinError::Canceled) => drop(mask_cancel(true)),
                Err(other) => panic!("{other}"),
            }
        },
    }
}

fn task(program: &Arc<Program>, depth: u64) {
    program.ran.fetch_add(1, Relaxed);
    let dice = &program.dice;
    let mut children = Vec::new();
    for _ in 0..dice.below(12) {
        match dice.below(12) {
            0..=3 if depth < 12 && program.may_spawn() => children.push(child(program, depth + 1)),
            4 => yield_now(),
            5 => drop(park(after(dice.below(3)))),
            6 => drop(sleep_until(after(dice.below(2)))),
            7 if !children.is_empty() => {
                let at = dice.below(children.len() as u64) as usize;
                join(children.swap_remove(at));
            }
            8 if !children.is_empty() => match children.swap_remove(0) {
                Child::Handle(task, _) => task.detach(),
                raw => join(raw),
            },
            9 => {
                let me = current_id().unwrap();
                unpark(me).unwrap();
                let _ = park(Deadline::NEVER);
            }
            10 => {
                for child in &children {
                    match child {
                        Child::Handle(task, _) => task.cancel(),
                        Child::Raw(id, _) => cancel(*id).unwrap(),
                    }
                }
            }
            _ => drop(spawn(|| ()).join()),
        }
    }
    if dice.below(20) == 0 {
        // Those that are left are detached by the unwinding, or, raw, joined by nobody.
        children.retain(|child| matches!(child, Child::Handle(..)));
        std::panic::resume_unwind(Box::new("as the dice say"));
    }
    while let Some(child) = children.pop() {
        join(child);
    }
}

fn child(program: &Arc<Program>, depth: u64) -> Child {
    let value = program.dice.below(1 << 20);
    let again = Arc::clone(program);
    let counted = program.census.value(value);
    let body = move || {
        task(&again, depth);
        counted
    };
    match program.dice.below(4) {
        0 => Child::Handle(spawn(body), value),
        // SAFETY: nothing in it is bound to a thread.
        1 => Child::Handle(unsafe { spawn_migratable(body) }, value),
        2 => Child::Handle(program.on.spawn(&SpawnOptions::default(), body), value),
        _ => {
            let options = SpawnOptions {
                pinned: value.is_multiple_of(2),
                ..SpawnOptions::default()
            };
            let raw = spawn_raw(&program.on, &options, move || *body() as usize);
            Child::Raw(raw, value as usize)
        }
    }
}

#[test]
fn random_programs_end_with_every_value_dropped_once() {
    let seed = seed();
    within(LIMIT, "programs", move || {
        for round in 0..40_u64 {
            let on = start([1, 2, 4, 8][round as usize % 4]);
            let program = Arc::new(Program {
                dice: SharedDice(AtomicU64::new(seed.wrapping_add(round))),
                on: on.clone(),
                census: Census::new(),
                budget: AtomicU64::new(2_000),
                ran: AtomicUsize::new(0),
            });
            for _ in 0..8 {
                let again = Arc::clone(&program);
                drop(on.spawn(&SpawnOptions::default(), move || task(&again, 0)));
            }
            end(&on);
            assert!(program.ran.load(Relaxed) >= 8);
        }
    });
}

#[test]
fn a_storm_of_cancellations_ends_each_task_once() {
    let mut dice = Dice(seed());
    within(LIMIT, "storm", move || {
        for workers in [1, 2, 4, 8] {
            let on = start(workers);
            let census = Census::new();
            let ended = Arc::new(AtomicUsize::new(0));
            let ids: Vec<_> = (0..1_000)
                .map(|i| {
                    let value = census.value(i);
                    let ended = Arc::clone(&ended);
                    spawn_raw(&on, &SpawnOptions::default(), move || {
                        let _value = value;
                        while park(after(60_000)) != vitte_wait::Outcome::Canceled {}
                        ended.fetch_add(1, SeqCst);
                        i
                    })
                })
                .collect();
            let mut order = ids.clone();
            for i in (1..order.len()).rev() {
                order.swap(i, dice.below(i as u64 + 1) as usize);
            }
            let storms: Vec<_> = [order.clone(), order]
                .map(|order| {
                    std::thread::spawn(move || {
                        for id in order {
                            // The other storm may have been quicker, but nobody has joined yet.
                            cancel(id).unwrap();
                            unpark(id).unwrap();
                        }
                    })
                })
                .into_iter()
                .collect();
            for storm in storms {
                storm.join().unwrap();
            }
            for (i, id) in ids.into_iter().enumerate() {
                assert_eq!(join_raw(id, Deadline::NEVER).unwrap().addr(), i);
                assert_eq!(cancel(id), Err(vitte_scheduler::Stale));
            }
            assert_eq!(ended.load(SeqCst), 1_000);
            end(&on);
        }
    });
}
