//! A signal releases whoever waits, and runs each job once, whenever they come.

use crate::check::check;
use vitte_sync::{Countdown, Signal};
use vitte_wait::facade::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

#[test]
fn a_wait_for_a_signal_is_never_missed() {
    check("signal: go and wait", 3, || {
        let (signal, seen) = (Signal::new(), Arc::new(AtomicUsize::new(0)));
        let (other, mark) = (signal.clone(), seen.clone());
        let unit = thread::spawn(move || {
            mark.store(1, Relaxed);
            other.go();
        });
        signal.wait().unwrap();
        assert_eq!(seen.load(Relaxed), 1);
        unit.join().unwrap();
    });
}

#[test]
fn a_job_runs_once_though_the_signal_goes_twice() {
    check("signal: go, go and then", 3, || {
        let (signal, ran) = (Signal::new(), Arc::new(AtomicUsize::new(0)));
        let units = [0, 1].map(|_| {
            let signal = signal.clone();
            thread::spawn(move || {
                signal.go();
            })
        });
        let counter = ran.clone();
        signal.then(move || {
            counter.fetch_add(1, Relaxed);
        });
        for unit in units {
            unit.join().unwrap();
        }
        assert_eq!(ran.load(Relaxed), 1);
    });
}

#[test]
fn a_removed_job_has_run_or_never_does() {
    check("signal: go and remove", 3, || {
        let (signal, ran) = (Signal::new(), Arc::new(AtomicUsize::new(0)));
        let counter = ran.clone();
        let job = signal.then(move || {
            counter.fetch_add(1, Relaxed);
        });
        let other = signal.clone();
        let unit = thread::spawn(move || {
            other.go();
        });
        let removed = job.remove();
        unit.join().unwrap();
        assert_eq!(ran.load(Relaxed), usize::from(!removed));
    });
}

#[test]
fn either_of_two_releases_one_who_waits_for_both_kinds() {
    check("signal: any", 2, || {
        let (a, b) = (Signal::new(), Signal::new());
        let units = [a.clone(), b.clone()].map(|signal| {
            thread::spawn(move || {
                signal.go();
            })
        });
        let either = &a | &b;
        let both = &a & &b;
        either.wait().unwrap();
        assert!(a.is_gone() || b.is_gone());
        both.wait().unwrap();
        assert!(a.is_gone() && b.is_gone());
        for unit in units {
            unit.join().unwrap();
        }
        assert_eq!((a.callbacks(), b.callbacks()), (0, 0));
    });
}

#[test]
fn a_combination_dropped_while_its_part_goes_leaves_nothing() {
    check("signal: go and drop", 3, || {
        let (a, b) = (Signal::new(), Signal::new());
        let made = &a | &b;
        let other = a.clone();
        let unit = thread::spawn(move || {
            other.go();
        });
        drop(made);
        unit.join().unwrap();
        assert_eq!((a.callbacks(), b.callbacks()), (0, 0));
    });
}

#[test]
fn a_countdown_goes_with_the_last() {
    check("countdown", 3, || {
        let shared = Arc::new((Countdown::new(2), AtomicUsize::new(0)));
        let signal = shared.0.signal().clone();
        let units = [0, 1].map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.fetch_add(1, Relaxed);
                shared.0.done();
            })
        });
        signal.wait().unwrap();
        assert_eq!(shared.1.load(Relaxed), 2);
        for unit in units {
            unit.join().unwrap();
        }
    });
}
