//! Storms: thousands of fibers in random waits, canceled, killed and interrupted at random moments. In the end
//! nobody is left, no timer and no descriptor, and every destructor has run once.
//!
//! `VITTE_STORM=full` gives them 10,000 fibers each, for as many rounds.

use crate::{Dice, LIMIT, after, end, kinds, spawn_raw, start};
use std::{
    cell::RefCell,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_channels::mpmc;
use vitte_scheduler::{
    CancelReason, FiberId, FiberLocal, JoinError, Scheduler, SpawnOptions, cancel_for,
    cancel_reason, defer, interrupt, kill, sleep_until, yield_now,
};
use vitte_sync::{Mutex, Semaphore};
use vitte_tests::{descriptors, is_alone, is_full, seed, within};
use vitte_wait::{Deadline, Outcome};

/// How many, and how often.
fn size(fibers: usize, rounds: usize) -> (usize, usize) {
    (if is_full() { 10_000 } else { fibers }, rounds)
}

/// What each fiber of a storm has three of: a value on its stack, one under a key, and a call that is put off.
#[derive(Default)]
struct Tally {
    made: AtomicUsize,
    gone: AtomicUsize,
}

struct Counted(Arc<Tally>);

impl Counted {
    fn new(tally: &Arc<Tally>) -> Self {
        tally.made.fetch_add(1, Relaxed);
        Self(Arc::clone(tally))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.gone.fetch_add(1, Relaxed);
    }
}

static OWN: FiberLocal<RefCell<Vec<Counted>>> = FiberLocal::new(RefCell::default);

/// What is common to the fibers of a storm: places where there is something to win.
struct Sea {
    held: Arc<kinds::Held>,
    lock: Mutex<u64>,
    permits: Semaphore,
    sender: mpmc::Sender<u64>,
    receiver: mpmc::Receiver<u64>,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Sea {
    fn new(held: Arc<kinds::Held>) -> Self {
        let (sender, receiver) = mpmc::bounded(4);
        Self {
            held,
            lock: Mutex::new(0),
            permits: Semaphore::new(2),
            sender,
            receiver,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    /// Waits once in a random way; true if that was canceled.
    fn wait(&self, dice: &mut Dice) -> bool {
        let soon = |dice: &mut Dice| Deadline::after(Duration::from_micros(dice.below(2_000)));
        match dice.below(10) {
            0 => sleep_until(soon(dice)) == Outcome::Canceled,
            1 => {
                let value = dice.below(1_000);
                let sent = self.sender.send_until(value, soon(dice));
                self.sent.fetch_add(u64::from(sent.is_ok()), Relaxed);
                canceled(sent)
            }
            2 => {
                let value = self.receiver.recv_until(soon(dice));
                self.received.fetch_add(u64::from(value.is_ok()), Relaxed);
                canceled(value)
            }
            3 => match self.lock.lock() {
                Ok(mut inside) => {
                    *inside += 1;
                    yield_now();
                    false
                }
                Err(error) => canceled(Err::<(), _>(error)),
            },
            4 => match self.permits.acquire() {
                Ok(_permit) => sleep_until(soon(dice)) == Outcome::Canceled,
                Err(error) => canceled(Err::<(), _>(error)),
            },
            _ => {
                let (_, kind) = kinds::MANY[dice.below(kinds::MANY.len() as u64) as usize];
                kind(&self.held)
            }
        }
    }

    /// What was sent and not received is in the channel.
    fn nothing_is_lost(&self) {
        let inside = self.receiver.len() as u64;
        let (sent, received) = (self.sent.load(Relaxed), self.received.load(Relaxed));
        assert_eq!(sent, received + inside);
    }
}

fn canceled<T, E: std::fmt::Debug>(result: Result<T, E>) -> bool {
    result.is_err_and(|error| format!("{error:?}").contains("Canceled"))
}

/// The three things of a fiber.
fn leave_traces(tally: &Arc<Tally>) -> Counted {
    let put_off = Counted::new(tally);
    defer(move || drop(put_off));
    OWN.with(|own| own.borrow_mut().push(Counted::new(tally)));
    Counted::new(tally)
}

/// Runs rounds of `storm`, which spawns fibers and ends them all, and looks whether anything is left.
fn rounds(
    name: &'static str,
    rounds: usize,
    seed: u64,
    storm: impl Fn(&Scheduler, &Arc<Sea>, &Arc<Tally>, &mut Dice) + Send + 'static,
) {
    let limit = if is_full() { LIMIT * 10 } else { LIMIT };
    within(limit, name, move || {
        // What is made once stays, so it is made before they are counted.
        some_rounds(0..1, seed, &storm);
        let before = descriptors();
        some_rounds(1..rounds, seed, &storm);
        // Threads of the runtime may be closing theirs still.
        for _ in 0..10_000 {
            if descriptors() == before {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(descriptors(), before, "descriptors");
    });
}

/// Some of the rounds, on a runtime of their own.
fn some_rounds(
    rounds: Range<usize>,
    seed: u64,
    storm: &impl Fn(&Scheduler, &Arc<Sea>, &Arc<Tally>, &mut Dice),
) {
    let on = start(2);
    let holder = kinds::Holder::new();
    let tally = Arc::new(Tally::default());
    for round in rounds {
        let mut dice = Dice(seed ^ (round as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let sea = Arc::new(Sea::new(Arc::clone(&holder.held)));
        storm(&on, &sea, &tally, &mut dice);
        // Detached ones may be ending still.
        while on.stats().live != 0 {
            std::thread::yield_now();
        }
        let (made, gone) = (tally.made.load(Relaxed), tally.gone.load(Relaxed));
        assert_eq!(
            made, gone,
            "round {round}: a destructor did not run, or ran twice"
        );
        assert_eq!(on.stats().timers, 0, "round {round}");
        sea.nothing_is_lost();
    }
    drop(holder);
    end(&on);
}

#[test]
fn a_storm_of_cancellations_leaves_nothing() {
    if !is_alone("storms::a_storm_of_cancellations_leaves_nothing") {
        return;
    }
    let (fibers, times) = size(400, 100);
    rounds(
        "cancel storm",
        times,
        seed(),
        move |on, sea, tally, dice| {
            let handles: Vec<_> = (0..fibers)
                .map(|i| {
                    let (sea, tally) = (Arc::clone(sea), Arc::clone(tally));
                    let mut dice = Dice(dice.below(u64::MAX) | 1);
                    on.spawn(&SpawnOptions::default(), move || {
                        let _on_stack = leave_traces(&tally);
                        while !sea.wait(&mut dice) {}
                        cancel_reason().unwrap().code() == i as i32
                    })
                })
                .collect();
            // In random order, at random moments, from here and from a fiber.
            let mut targets: Vec<_> = handles
                .iter()
                .map(|one| one.id().unwrap())
                .enumerate()
                .collect();
            for at in (1..targets.len()).rev() {
                targets.swap(at, dice.below(at as u64 + 1) as usize);
            }
            let theirs = targets.split_off(targets.len() / 2);
            let mut other = Dice(dice.below(u64::MAX) | 1);
            let canceler = on.spawn(&SpawnOptions::default(), move || {
                cancel_all(&theirs, &mut other, yield_now);
            });
            cancel_all(&targets, dice, std::thread::yield_now);
            canceler.join().unwrap();
            for handle in handles {
                assert!(handle.join().unwrap());
            }
        },
    );
}

fn cancel_all(targets: &[(usize, FiberId)], dice: &mut Dice, pause: fn()) {
    for (i, id) in targets {
        if dice.below(8) == 0 {
            pause();
        }
        cancel_for(*id, CancelReason::new(*i as i32)).unwrap();
    }
}

#[test]
fn a_storm_of_kills_leaves_nothing() {
    if !is_alone("storms::a_storm_of_kills_leaves_nothing") {
        return;
    }
    let (fibers, times) = size(500, 30);
    rounds("kill storm", times, seed(), move |on, sea, tally, dice| {
        let closures: Vec<_> = (0..fibers / 2)
            .map(|_| {
                let (sea, tally) = (Arc::clone(sea), Arc::clone(tally));
                let mut dice = Dice(dice.below(u64::MAX) | 1);
                on.spawn(&SpawnOptions::default(), move || {
                    let _on_stack = leave_traces(&tally);
                    loop {
                        let _ = sea.wait(&mut dice);
                    }
                })
            })
            .collect();
        // Frames that cannot unwind: what lies on the stack is lost, so only the other two are counted.
        let raw: Vec<_> = (0..fibers / 2)
            .map(|_| {
                let tally = Arc::clone(tally);
                spawn_raw(on, move || {
                    let put_off = Counted::new(&tally);
                    defer(move || drop(put_off));
                    OWN.with(|own| own.borrow_mut().push(Counted::new(&tally)));
                    drop(tally);
                    loop {
                        let _ = sleep_until(after(1));
                        let _ = vitte_scheduler::park(Deadline::NEVER);
                    }
                })
            })
            .collect();
        for _ in 0..dice.below(200) {
            std::thread::yield_now();
        }
        let mut all: Vec<_> = closures
            .iter()
            .map(|one| one.id().unwrap())
            .chain(raw.clone())
            .collect();
        for at in (1..all.len()).rev() {
            all.swap(at, dice.below(at as u64 + 1) as usize);
        }
        for id in &all {
            if dice.below(8) == 0 {
                std::thread::yield_now();
            }
            kill(*id).unwrap();
        }
        for handle in closures {
            let Err::<(), _>(JoinError::Killed(killed)) = handle.join() else {
                panic!("it was not killed");
            };
            assert_eq!(killed.reason(), Some(&CancelReason::KILLED));
        }
        for id in raw {
            assert!(vitte_scheduler::join_raw(id, Deadline::NEVER).is_err());
        }
    });
}

#[test]
fn a_storm_of_interrupts_disturbs_nobody() {
    if !is_alone("storms::a_storm_of_interrupts_disturbs_nobody") {
        return;
    }
    let (fibers, times) = size(500, 20);
    rounds(
        "interrupt storm",
        times,
        seed(),
        move |on, sea, tally, dice| {
            let calls = Arc::new(AtomicUsize::new(0));
            let handles: Vec<_> = (0..fibers)
                .map(|_| {
                    let (sea, tally) = (Arc::clone(sea), Arc::clone(tally));
                    let mut dice = Dice(dice.below(u64::MAX) | 1);
                    on.spawn(&SpawnOptions::default(), move || {
                        let _on_stack = leave_traces(&tally);
                        while !sea.wait(&mut dice) {}
                    })
                })
                .collect();
            let ids: Vec<_> = handles.iter().map(|one| one.id().unwrap()).collect();
            for _ in 0..fibers * 4 {
                let id = ids[dice.below(ids.len() as u64) as usize];
                let (calls, value) = (Arc::clone(&calls), Counted::new(tally));
                interrupt(id, move || {
                    drop(value);
                    calls.fetch_add(1, Relaxed);
                })
                .unwrap();
                if dice.below(16) == 0 {
                    std::thread::yield_now();
                }
            }
            for id in &ids {
                vitte_scheduler::cancel(*id).unwrap();
                // Some are interrupted when they are about to end.
                let value = Counted::new(tally);
                let _ = interrupt(*id, move || drop(value));
            }
            for handle in handles {
                handle.join().unwrap();
            }
            assert!(calls.load(Relaxed) <= fibers * 4);
        },
    );
}
