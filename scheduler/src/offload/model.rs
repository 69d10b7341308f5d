//! Models of jobs that somebody waits for no longer, and of pools that shrink or close meanwhile: a job runs once or
//! never, as its caller is told, and what it owns is freed once.

use super::{BlockingError, Job, JobKind, OffloadError, pool::Came};
use crate::{Scheduler, check::check, config::Config, shared::Shared};
use std::{ptr::NonNull, time::Duration};
use vitte_fibers::{StackClass, StackOptions, StackPool};
use vitte_wait::{
    Deadline, StopSource,
    facade::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        thread,
    },
};

/// A scheduler without workers, whose pools have a thread each, and what came of the jobs of a model.
#[derive(Clone)]
struct Place {
    scheduler: Scheduler,
    ran: Arc<AtomicUsize>,
    freed: Arc<AtomicUsize>,
}

/// What a job owns.
struct Thing(Arc<AtomicUsize>);

impl Drop for Thing {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Place {
    fn new() -> Self {
        let config = Config {
            workers: 1,
            most_io_threads: 1,
            // Whoever finds nothing to do ends.
            thread_patience: Duration::ZERO,
            ..Config::default()
        };
        let stacks = StackPool::new(StackOptions::default());
        Self {
            scheduler: Scheduler(Shared::new(config, StackClass::DEFAULT, stacks, 1)),
            ran: Arc::new(AtomicUsize::new(0)),
            freed: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// A job that owns a thing, and gives it back.
    fn job(&self) -> impl FnOnce() -> Thing + Send + 'static {
        let (ran, thing) = (Arc::clone(&self.ran), Thing(Arc::clone(&self.freed)));
        move || {
            ran.fetch_add(1, Relaxed);
            thing
        }
    }

    /// Has a thread of the pool run a job.
    fn offload(&self, stop: &StopSource) -> Result<(), OffloadError> {
        let stop = Some(&**stop);
        let its = self
            .scheduler
            .offload_owned_with(JobKind::Io, self.job(), Deadline::NEVER, stop);
        its.map(drop)
    }

    /// The pools' threads end.
    fn close(&self) {
        for thread in self.scheduler.0.pools.close() {
            thread.join().unwrap();
        }
    }

    /// Nothing is left of `jobs` jobs, of which those ran that should have.
    fn end(&self, jobs: usize) {
        self.close();
        assert_eq!(self.freed.load(Relaxed), jobs, "freed once each");
        assert_eq!(self.scheduler.0.pools.pending(), 0);
        self.scheduler.0.depot.forget();
    }

    fn ran(&self) -> usize {
        self.ran.load(Relaxed)
    }
}

/// Somebody who stops `stop` at some time.
fn stopper(stop: &StopSource) -> thread::JoinHandle<()> {
    let stop = stop.clone();
    thread::spawn(move || stop.stop())
}

#[test]
fn a_job_that_is_left_is_freed_once() {
    check("offload: an owned job, and a stop", 1, || {
        let (place, stop) = (Place::new(), StopSource::new());
        let stopper = stopper(&stop);
        match place.offload(&stop) {
            Ok(()) => assert_eq!(place.ran(), 1),
            Err(OffloadError::Stopped) => {}
            Err(other) => panic!("{other}"),
        }
        stopper.join().unwrap();
        place.end(1);
    });
}

#[test]
fn a_call_is_taken_back_or_unblocked_or_over() {
    check("offload: a call, and a stop", 1, || {
        let (place, stop) = (Place::new(), StopSource::new());
        let (stopper, unblocked) = (stopper(&stop), std::cell::Cell::new(0));
        let unblock = || unblocked.set(unblocked.get() + 1);
        let its = &place.scheduler;
        let came = its.call_blocking_with(place.job(), unblock, Deadline::NEVER, Some(&stop));
        // Whatever it says is so for good.
        stopper.join().unwrap();
        place.close();
        let expected = match &came {
            Ok(_) => (1, 0),
            Err(BlockingError::Unblocked { .. }) => (1, 1),
            Err(BlockingError::Offload(OffloadError::Stopped)) => (0, 0),
            Err(BlockingError::Offload(other)) => panic!("{other}"),
        };
        assert_eq!((place.ran(), unblocked.get()), expected);
        drop(came);
        place.end(1);
    });
}

/// The only thread loses its patience while a job is pushed.
#[test]
fn a_pool_that_shrinks_leaves_no_job_behind() {
    check("offload: a thread that ends, and a job", 2, || {
        let (place, stop) = (Place::new(), StopSource::new());
        place.offload(&stop).unwrap();
        place.offload(&stop).unwrap();
        assert_eq!(place.ran(), 2);
        place.end(2);
    });
}

#[test]
fn a_job_that_comes_as_the_pool_closes_runs_or_is_refused() {
    check("offload: a close, and a job", 2, || {
        let (place, stop) = (Place::new(), StopSource::new());
        let its = place.clone();
        let closer = thread::spawn(move || its.close());
        let expected = match place.offload(&stop) {
            Ok(()) => 1,
            Err(OffloadError::ShuttingDown) => 0,
            Err(other) => panic!("{other}"),
        };
        closer.join().unwrap();
        assert_eq!(place.ran(), expected);
        place.end(1);
    });
}

/// What a job of another's pool is told, when that runs it, or drops it if `drops`, while its caller is stopped.
fn handed(name: &str, drops: bool) {
    check(name, 2, move || {
        let (place, stop) = (Place::new(), StopSource::new());
        let stopper = stopper(&stop);
        let mut other = None;
        let hand = |job: Box<dyn FnOnce() + Send>| {
            other = Some(thread::spawn(move || if drops { drop(job) } else { job() }));
        };
        let its = &place.scheduler;
        let came = its.offload_to(hand, place.job(), Deadline::NEVER, Some(&stop));
        stopper.join().unwrap();
        other.unwrap().join().unwrap();
        let expected = match &came {
            Ok(_) => usize::from(!drops),
            Err(OffloadError::Stopped) => 0,
            Err(OffloadError::ShuttingDown) if drops => 0,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(place.ran(), expected);
        drop(came);
        place.end(1);
    });
}

#[test]
fn a_job_in_others_hands_is_run_or_taken_back() {
    handed("offload: a job in others' hands, and a stop", false);
}

#[test]
fn a_job_in_others_hands_is_dropped_or_taken_back() {
    handed("offload: a job that others drop, and a stop", true);
}

/// The flawed variants: an owned job whose caller gets it wrong. `frees` says whether the caller frees what the job
/// owns, as his wait has ended early, or not, and what came of it.
fn flawed(name: &str, frees: fn(bool, &Came) -> bool) {
    check(name, 1, move || {
        let (place, stop) = (Place::new(), StopSource::new());
        let stopper = stopper(&stop);
        let body = std::ptr::from_ref(&*place.freed).cast();
        let free = |body: *const ()| {
            // SAFETY: it is the count, which outlives the job.
            let freed = unsafe { &*body.cast::<AtomicUsize>() };
            freed.fetch_add(1, Relaxed);
        };
        // SAFETY: running it does nothing; the count lives until the pool's threads have ended.
        let job = unsafe { Job::new_owned(|_| {}, body, free) };
        let job = NonNull::from(Box::leak(job));
        let shared = &place.scheduler.0;
        // SAFETY: nobody has freed it yet.
        let its = unsafe { job.as_ref() };
        let came =
            (shared.pools.of(JobKind::Io)).call(shared, its, Deadline::NEVER, Some(&stop), || {});
        stopper.join().unwrap();
        if frees(stop.is_stopped(), &came) {
            // Not the job itself: that would be freed twice in earnest.
            free(body);
        }
        place.end(1);
    });
}

#[test]
#[should_panic(expected = "freed once each")]
fn freeing_what_was_left_is_caught() {
    flawed("flawed: offload, freed twice", |_, _| true);
}

#[test]
#[should_panic(expected = "freed once each")]
fn leaving_whatever_was_stopped_is_caught() {
    flawed("flawed: offload, freed by nobody", |stopped, came| {
        !stopped && !matches!(came, Came::Left(_))
    });
}
