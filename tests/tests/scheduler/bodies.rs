//! What fibers are given and leave behind: of any size and alignment, and whatever destructors do.

use crate::{LIMIT, end, run, start};
use std::{
    panic::panic_any,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};
use vitte_scheduler::{
    Config, JoinError, JoinHandle, Scheduler, ShutdownMode, SpawnOptions, cancel_reason, interrupt,
    park, spawn, yield_now,
};
use vitte_tests::{Census, Counted, after, within};
use vitte_wait::{Deadline, local};

/// `N` bytes of one number, aligned as `A` is.
struct Load<A, const N: usize> {
    aligned: [A; 0],
    bytes: [u8; N],
}

#[repr(align(128))]
struct Line;

impl<A, const N: usize> Load<A, N> {
    fn of(number: u8) -> Self {
        Self {
            aligned: [],
            bytes: [number; N],
        }
    }

    /// It lies where it may, and says what it said.
    fn check(&self, number: u8) {
        let at = self.aligned.as_ptr().addr();
        assert!(at.is_multiple_of(align_of::<Self>()), "it lies at {at:#x}");
        assert!(self.bytes.iter().all(|byte| *byte == number));
    }
}

/// Without optimisation what is moved is copied again and again, and all copies lie in the frame.
fn roomy() -> Scheduler {
    let config = Config {
        workers: 1,
        stack_size: 4 << 20,
        ..Config::default()
    };
    Scheduler::start(config).unwrap()
}

/// A fiber that is given one and leaves one, in each of the ways in which it may end.
fn there_and_back<A: Send + 'static, const N: usize>(on: &Scheduler) {
    let census = Census::new();
    let options = SpawnOptions::default();
    let body = |waits: bool| {
        let given: Counted<Load<A, N>> = census.value(Load::of(7));
        let left = census.value(Load::<A, N>::of(9));
        move || {
            if waits {
                yield_now();
            }
            given.check(7);
            left
        }
    };
    for waits in [false, true] {
        // From outside; by a fiber that runs it on its stack, or not; left alone.
        on.spawn(&options, body(waits)).join().unwrap().check(9);
        let (inline, apart, alone) = (body(waits), body(waits), body(waits));
        let within = move || {
            spawn(inline).join().unwrap().check(9);
            let mut apart = spawn(apart);
            yield_now();
            let far = after(60_000);
            apart.join_with(far, None).unwrap().check(9);
            drop(spawn(alone));
        };
        on.spawn(&options, within).join().unwrap();
        // It panics with what it was given.
        let given = census.value(Load::<A, N>::of(3));
        let panics: JoinHandle<()> = on.spawn(&options, move || panic_any(given));
        let Err(JoinError::Panicked(panicked)) = panics.join() else {
            panic!("it has panicked")
        };
        let thrown = panicked.into_payload().downcast::<Counted<Load<A, N>>>();
        thrown.unwrap().check(3);
    }
    // Those that were left alone end by themselves.
    while census.live() != 0 {
        run(on, yield_now);
    }
    census.assert_all_dropped();
}

#[test]
fn a_fiber_is_given_and_leaves_what_is_of_any_size_and_alignment() {
    within(LIMIT, "sizes", || {
        let on = roomy();
        there_and_back::<u8, 0>(&on);
        there_and_back::<u64, 8>(&on);
        there_and_back::<u64, 16>(&on);
        there_and_back::<u8, 17>(&on);
        there_and_back::<u64, 24>(&on);
        there_and_back::<u8, 25>(&on);
        there_and_back::<u128, 16>(&on);
        there_and_back::<Line, 0>(&on);
        there_and_back::<Line, 1>(&on);
        there_and_back::<Line, 4096>(&on);
        there_and_back::<u8, 20_000>(&on);
        end(&on);
    });
}

#[test]
fn what_never_runs_is_dropped_whatever_its_size_and_alignment() {
    within(LIMIT, "unrun", || {
        let census = Census::new();
        let on = roomy();
        let (small, large) = (census.value(()), census.value(Load::<Line, 4096>::of(1)));
        let (tell, begun) = mpsc::channel();
        let spawner = on.spawn(&SpawnOptions::default(), move || {
            let unrun = (spawn(move || drop(small)), spawn(move || drop(large)));
            tell.send(()).unwrap();
            // It has the one worker until no more of them is begun.
            while cancel_reason().is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            unrun
        });
        begun.recv().unwrap();
        on.shutdown(ShutdownMode::Cancel, after(60_000)).unwrap();
        let (small, large) = spawner.join().unwrap();
        assert!(matches!(small.join(), Err(JoinError::Killed(_))));
        assert!(matches!(large.join(), Err(JoinError::Killed(_))));
        census.assert_all_dropped();
    });
}

/// Panics when it is dropped, with another one of its kind.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
        panic_any(Self(Arc::clone(&self.0)));
    }
}

#[test]
fn a_runtime_goes_on_though_what_its_fibers_leave_panics_with_what_panics_in_turn() {
    within(LIMIT, "bombs", || {
        let on = start(1);
        let gone = Arc::new(AtomicUsize::new(0));
        let bomb = || Bomb(Arc::clone(&gone));
        // A value that nobody wants; a panic of which nobody hears; an end of a fiber's own.
        for _ in 0..2 {
            let (value, thrown, late) = (bomb(), bomb(), bomb());
            drop(on.spawn(&SpawnOptions::default(), move || value));
            drop(on.spawn(&SpawnOptions::default(), move || -> () {
                panic_any(thrown)
            }));
            run(&on, move || local::defer(move || drop(late)));
        }
        // What is left with a fiber, done and not done.
        let parked = on.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
        let id = parked.id().unwrap();
        let (done, undone) = (bomb(), bomb());
        interrupt(id, move || drop(done)).unwrap();
        parked.unpark();
        drop(parked);
        let _ = interrupt(id, move || {
            let _kept = &undone;
        });
        assert_eq!(run(&on, || 7), 7);
        end(&on);
        assert!(gone.load(Relaxed) >= 8);
    });
}
