//! What is done once is done by one, and seen by all; an attempt that fails is not the last.

use crate::check::check;
use vitte_sync::{InitError, OnceCell};
use vitte_wait::facade::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

#[test]
fn two_who_initialize_see_one_value() {
    check("once: two initializers", 3, || {
        let shared = Arc::new((OnceCell::new(), AtomicUsize::new(0)));
        let other = shared.clone();
        let init = |shared: &(OnceCell<usize>, AtomicUsize), value| {
            *shared
                .0
                .get_or_init(|| {
                    shared.1.fetch_add(1, Relaxed);
                    value
                })
                .unwrap()
        };
        let unit = thread::spawn(move || init(&other, 1));
        let ours = init(&shared, 2);
        assert_eq!(unit.join().unwrap(), ours);
        assert_eq!(shared.1.load(Relaxed), 1);
    });
}

#[test]
fn a_failed_attempt_wakes_the_next() {
    check("once: failed attempt", 3, || {
        let cell = Arc::new(OnceCell::new());
        let other = cell.clone();
        let unit = thread::spawn(move || match other.get_or_try_init(|| Err("no")) {
            Ok(value) => *value,
            Err(InitError::Failed(_)) => 0,
            Err(error) => panic!("{error}"),
        });
        assert_eq!(cell.get_or_init(|| 7), Ok(&7));
        assert!([0, 7].contains(&unit.join().unwrap()));
    });
}

#[test]
fn one_who_only_waits_sees_what_another_sets() {
    check("once: set and wait", 3, || {
        let cell = Arc::new(OnceCell::new());
        let other = cell.clone();
        let setter = thread::spawn(move || other.set(5).unwrap());
        assert_eq!(cell.wait(), Ok(&5));
        setter.join().unwrap();
    });
}
