//! Once, cells and lazy values: what std's tests ask (`library/std/tests/sync/once.rs`, `once_lock.rs` and
//! `lazy_lock.rs`, MIT or Apache-2.0) and tokio's (`tokio/tests/sync_once_cell.rs`, MIT), written afresh.

use crate::{LONG, SHORT, crew, join_all};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use vitte_sync::{Event, InitError, Lazy, Once, OnceCell, OnceError, OnceUntilError, SetError};
use vitte_tests::{
    Census,
    units::{Handle, Units, spawn_known, until, until_waiting},
};
use vitte_wait::{Deadline, Reason, StopSource};

pub(crate) fn it_is_done_once<U: Units>() {
    let once = Once::new();
    let mut times = 0;
    assert!(!once.is_completed());
    for _ in 0..3 {
        assert_eq!(once.call_once(|| times += 1), Ok(()));
    }
    assert_eq!((times, once.is_completed()), (1, true));
    assert_eq!(once.wait(), Ok(()));
}

pub(crate) fn many_at_once_see_it_done<U: Units>() {
    for _ in 0..50 {
        let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
        let units = crew::<U, _, _>(10, &shared, |_, shared| {
            let (once, times) = &**shared;
            once.call_once(|| {
                vitte_tests::units::pause(std::time::Duration::from_micros(50));
                times.store(times.load(Relaxed) + 1, Relaxed);
            })
            .unwrap();
            times.load(Relaxed)
        });
        assert_eq!(join_all::<U, _>(units), [1; 10]);
    }
}

pub(crate) fn an_attempt_that_panics_leaves_it_to_the_next<U: Units>() {
    let once = Once::new();
    for _ in 0..2 {
        let failed = catch_unwind(AssertUnwindSafe(|| once.call_once(|| panic!("no"))));
        assert!(failed.is_err() && !once.is_completed());
    }
    assert_eq!(once.call_once(|| ()), Ok(()));
    assert!(once.is_completed());
}

pub(crate) fn an_attempt_that_panics_lets_a_waiter_try<U: Units>() {
    let shared = Arc::new((OnceCell::new(), Event::auto()));
    let other = shared.clone();
    let (failing, first) = spawn_known::<U, _>(move || {
        catch_unwind(AssertUnwindSafe(|| {
            let _ = other.0.get_or_init(|| {
                other.1.wait().unwrap();
                panic!("the first attempt")
            });
        }))
        .is_err()
    });
    until_waiting(first, Reason::Event);
    let waiters: Vec<_> = (0..3)
        .map(|number| {
            let shared = shared.clone();
            let body = move || *shared.0.get_or_init(|| number).unwrap();
            let (waiter, unit) = spawn_known::<U, _>(body);
            until_waiting(unit, Reason::Lock);
            waiter
        })
        .collect();
    shared.1.signal();
    assert!(U::join(failing));
    let values = join_all::<U, _>(waiters);
    assert!(values[0] < 3 && values.iter().all(|value| *value == values[0]));
}

pub(crate) fn asking_from_within_is_an_error<U: Units>() {
    let once = Once::new();
    let outer = once.call_once(|| {
        assert_eq!(once.call_once(|| ()), Err(OnceError::Reentrant));
        assert_eq!(once.wait(), Err(OnceError::Reentrant));
        let timed = once.call_once_with(|| (), Deadline::after(LONG), None);
        assert_eq!(timed, Err(OnceUntilError::Reentrant));
    });
    assert_eq!(outer, Ok(()));

    let cell = OnceCell::new();
    let value = cell.get_or_init(|| {
        assert_eq!(cell.get_or_init(|| 1), Err(OnceError::Reentrant));
        assert_eq!(cell.set(2), Err(SetError::Initializing(2)));
        assert_eq!(cell.get(), None);
        3
    });
    assert_eq!(value, Ok(&3));

    struct Knot(Lazy<usize, Box<dyn Fn() -> usize + Send + Sync>>);
    let knot: Arc<OnceCell<Knot>> = Arc::new(OnceCell::new());
    let inner = Arc::downgrade(&knot);
    let tied = knot.get_or_init(|| {
        Knot(Lazy::new(Box::new(move || {
            let knot = inner.upgrade().expect("it is there");
            let knot = knot.get().expect("it is made");
            assert_eq!(Lazy::force(&knot.0), Err(OnceError::Reentrant));
            // Where no error can be returned it is a panic.
            assert!(catch_unwind(AssertUnwindSafe(|| *knot.0)).is_err());
            7
        })))
    });
    assert_eq!(*tied.unwrap().0, 7);
}

pub(crate) fn a_cell_keeps_its_first_value<U: Units>() {
    let mut cell = OnceCell::new();
    assert_eq!(cell.get(), None);
    assert_eq!(cell.get_mut(), None);
    assert_eq!(cell.set(5), Ok(()));
    assert_eq!(cell.set(6), Err(SetError::AlreadySet(6)));
    assert_eq!(cell.get_or_init(|| unreachable!()), Ok(&5));
    *cell.get_mut().unwrap() = 7;
    assert_eq!(cell.clone().into_inner(), Some(7));
    assert_eq!(cell.take(), Some(7));
    assert_eq!((cell.get(), OnceCell::from(1).get()), (None, Some(&1)));
    assert_eq!(format!("{cell:?}"), "OnceCell(<empty>)");
}

pub(crate) fn a_cell_is_set_while_another_waits<U: Units>() {
    let cell = Arc::new(OnceCell::new());
    let other = cell.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || *other.wait().unwrap());
    until_waiting(unit, Reason::Lock);
    assert_eq!(cell.set("value"), Ok(()));
    assert_eq!(U::join(waiter), "value");
}

/// After tokio's `set_and_wait_multiple_threads` and `is_some_initializing` (`tokio/tests/sync_set_once.rs`, MIT).
pub(crate) fn of_several_who_set_a_cell_one_does<U: Units>() {
    let cell = Arc::new(OnceCell::new());
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let cell = cell.clone();
            let (waiter, unit) = spawn_known::<U, _>(move || *cell.wait().unwrap());
            until_waiting(unit, Reason::Lock);
            waiter
        })
        .collect();
    let setters = crew::<U, _, _>(4, &cell, |number, cell| (number, cell.set(number)));
    let (mut set, mut refused) = (Vec::new(), 0);
    for (number, result) in join_all::<U, _>(setters) {
        match result {
            Ok(()) => set.push(number),
            // Each has its own back, whether the other was still at it or done.
            Err(error) => {
                assert_eq!(error.into_inner(), number);
                refused += 1;
            }
        }
    }
    assert_eq!((set.len(), refused), (1, 3));
    assert_eq!(join_all::<U, _>(waiters), [set[0]; 3]);
    assert_eq!(cell.get(), Some(&set[0]));
}

/// After tokio's `drop_into_inner`, `drop_into_inner_new_with` and `into_inner_int_empty_setonce`.
pub(crate) fn a_cell_s_value_comes_out_undropped<U: Units>() {
    let census = Census::new();
    let (set, made) = (OnceCell::new(), OnceCell::from(census.value(2)));
    assert!(set.set(census.value(1)).is_ok());
    for cell in [set, made] {
        let value = U::join(U::spawn(move || cell.into_inner().unwrap()));
        assert!(*value > 0);
    }
    census.assert_all_dropped();
    drop(OnceCell::from(census.value(3)));
    census.assert_all_dropped();
    assert_eq!(OnceCell::<u8>::new().into_inner(), None);
}

pub(crate) fn a_failing_initializer_leaves_the_cell_empty<U: Units>() {
    let cell = OnceCell::new();
    let failed = cell.get_or_try_init(|| Err::<u8, _>("no"));
    assert_eq!(failed, Err(InitError::Failed("no")));
    assert_eq!(cell.get(), None);
    assert_eq!(cell.get_or_try_init(|| Ok::<_, ()>(4)), Ok(&4));
    assert_eq!(cell.get_or_try_init(|| Err("too late")), Ok(&4));
}

/// A cell whose value one unit is making, until the event.
type BeingMade = Arc<(OnceCell<u8>, Event)>;

fn being_made<U: Units>() -> (BeingMade, Handle<U, u8>) {
    let shared = Arc::new((OnceCell::new(), Event::auto()));
    let other = shared.clone();
    let (maker, unit) = spawn_known::<U, _>(move || {
        let (cell, event) = &*other;
        *cell
            .get_or_init(|| {
                event.wait().unwrap();
                9
            })
            .unwrap()
    });
    until_waiting(unit, Reason::Event);
    (shared, maker)
}

pub(crate) fn setting_while_another_makes_the_value_is_refused<U: Units>() {
    let (shared, maker) = being_made::<U>();
    assert_eq!(shared.0.set(1), Err(SetError::Initializing(1)));
    assert_eq!(SetError::Initializing(1).into_inner(), 1);
    shared.1.signal();
    assert_eq!(U::join(maker), 9);
    assert_eq!(shared.0.set(1), Err(SetError::AlreadySet(1)));
}

pub(crate) fn a_cell_drops_its_value_once<U: Units>() {
    let census = Census::new();
    let cell = Arc::new(OnceCell::new());
    let value = census.value(1);
    let other = cell.clone();
    U::join(U::spawn(move || assert!(other.set(value).is_ok())));
    let extra = cell.set(census.value(2));
    assert_eq!(census.live(), 2);
    drop(extra);
    assert_eq!(census.live(), 1);
    drop(cell);
    census.assert_all_dropped();
}

pub(crate) fn a_wait_for_another_s_value_can_end_early<U: Units>() {
    let (shared, maker) = being_made::<U>();
    let soon = Deadline::after(SHORT);
    let late = shared.0.get_or_init_with(|| 1, soon, None);
    assert_eq!(late, Err(OnceUntilError::TimedOut));
    assert_eq!(
        shared.0.wait_with(Deadline::NOW, None),
        Err(OnceUntilError::TimedOut)
    );

    let (source, other) = (StopSource::new(), shared.clone());
    let token = source.token();
    let (stopped, unit) = spawn_known::<U, _>(move || {
        let result = other
            .0
            .get_or_init_with(|| 2, Deadline::NEVER, Some(&token));
        result.copied()
    });
    until_waiting(unit, Reason::Lock);
    source.stop();
    assert_eq!(U::join(stopped), Err(OnceUntilError::Stopped));

    let other = shared.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || other.0.get_or_init(|| 3).copied());
    until_waiting(unit, Reason::Lock);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(OnceError::Canceled));

    shared.1.signal();
    assert_eq!(U::join(maker), 9);
    assert_eq!(shared.0.get(), Some(&9));
}

static MADE: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn a_lazy_value_is_made_once_by_many<U: Units>() {
    let lazy = Arc::new(Lazy::<usize>::new(|| MADE.fetch_add(1, Relaxed)));
    assert_eq!(Lazy::get(&lazy), None);
    let units = crew::<U, _, _>(8, &lazy, |_, lazy| ***lazy);
    let made = join_all::<U, _>(units);
    assert!(made.iter().all(|number| *number == made[0]));
    assert_eq!(Lazy::get(&lazy), Some(&made[0]));
}

pub(crate) fn a_lazy_value_whose_maker_panicked_is_made_by_the_next<U: Units>() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = tries.clone();
    let lazy = Arc::new(Lazy::new(move || {
        let number = counter.fetch_add(1, Relaxed);
        assert!(number > 0, "the first attempt");
        number
    }));
    let units = crew::<U, _, _>(4, &lazy, |_, lazy| {
        catch_unwind(AssertUnwindSafe(|| ***lazy)).ok()
    });
    let values = join_all::<U, _>(units);
    assert_eq!(values.iter().filter(|value| value.is_none()).count(), 1);
    assert!(values.iter().flatten().all(|value| *value == 1));
    until(|| tries.load(Relaxed) == 2);
}
