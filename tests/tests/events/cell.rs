//! `AtomicCell`, which is crossbeam's: that it is what this crate promises, after its own tests
//! (`crossbeam-utils/tests/atomic_cell.rs`, MIT OR Apache-2.0).

use crate::{crew, join_all};
use std::sync::Arc;
use vitte_sync::atomic::AtomicCell;
use vitte_tests::{Census, units::Units};

pub(crate) fn a_cell_of_any_size_is_swapped_whole<U: Units>() {
    // Forty bytes: no instruction takes them whole.
    let cell = Arc::new(AtomicCell::new([0_u64; 5]));
    assert!(!AtomicCell::<[u64; 5]>::is_lock_free());
    let units = crew::<U, _, _>(4, &cell, |number, cell| {
        for round in 0..1_000 {
            let old = cell.swap([4 * round + number as u64; 5]);
            assert!(old.iter().all(|part| *part == old[0]), "torn: {old:?}");
            let now = cell.load();
            assert!(now.iter().all(|part| *part == now[0]), "torn: {now:?}");
        }
    });
    join_all::<U, _>(units);
}

pub(crate) fn a_cell_counts_exactly<U: Units>() {
    let cell = Arc::new(AtomicCell::new(0_usize));
    assert!(AtomicCell::<usize>::is_lock_free());
    let units = crew::<U, _, _>(8, &cell, |_, cell| {
        for _ in 0..1_000 {
            cell.fetch_add(1);
        }
    });
    join_all::<U, _>(units);
    assert_eq!(cell.load(), 8_000);
}

pub(crate) fn a_cell_compares_and_exchanges<U: Units>() {
    let cell = AtomicCell::new((1_u8, 2_u8));
    assert_eq!(cell.compare_exchange((0, 0), (9, 9)), Err((1, 2)));
    assert_eq!(cell.compare_exchange((1, 2), (3, 4)), Ok((1, 2)));
    assert_eq!(cell.take(), (3, 4));
    assert_eq!(cell.into_inner(), (0, 0));
}

pub(crate) fn a_cell_drops_what_it_held<U: Units>() {
    let census = Census::new();
    let cell = AtomicCell::new(Some(Arc::new(census.value(0))));
    for number in 1..10 {
        cell.store(Some(Arc::new(census.value(number))));
        assert_eq!(census.live(), 1);
    }
    drop(cell);
    census.assert_all_dropped();
}
