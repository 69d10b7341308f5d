//! Rosters whose entries are struck out by readers that went on on other threads.

use crate::check::check;
use vitte_wait::{
    facade::{Arc, cell::UnsafeCell, thread},
    roster,
};

/// What the readers of two things are entered with.
const ONE: (usize, usize) = (1, 8);
const OTHER: (usize, usize) = (2, 16);

#[test]
fn a_reader_is_not_found_with_the_mark_of_the_next_one_in_its_entry() {
    check("roster, struck out elsewhere", 3, || {
        let (entry, _) = roster::enter(ONE.0, ONE.1, false).unwrap();
        let leaves = thread::spawn(move || entry.strike());
        let writer = thread::spawn(|| roster::find(ONE.0, |_, mark| assert_eq!(mark, ONE.1)));
        // There is one entry, so this is the same once it is free.
        let next = roster::enter(OTHER.0, OTHER.1, false);
        assert!(next.is_none_or(|(next, _)| next.is(entry)));
        leaves.join().unwrap();
        writer.join().unwrap();
    });
}

/// What is read by way of a roster.
#[derive(Default)]
struct Value(UnsafeCell<u8>);

// SAFETY: that nobody writes while another reads is what the model is about, and it is told of each.
unsafe impl Sync for Value {}

#[test]
fn who_finds_a_reader_gone_comes_after_it_also_if_another_has_its_entry() {
    check("roster, gone", 3, || {
        let value = Arc::new(Value::default());
        let (entry, _) = roster::enter(ONE.0, ONE.1, false).unwrap();
        let (theirs, ours) = (value.clone(), value);
        let leaves = thread::spawn(move || {
            // SAFETY: see `Value`.
            theirs.0.with(|value| unsafe { *value });
            entry.strike();
        });
        let writer = thread::spawn(move || {
            let mut is_read = false;
            roster::find(ONE.0, |_, _| is_read = true);
            if !is_read {
                // SAFETY: see `Value`.
                ours.0.with_mut(|value| unsafe { *value = 1 });
            }
        });
        let _next = roster::enter(OTHER.0, OTHER.1, false);
        leaves.join().unwrap();
        writer.join().unwrap();
    });
}
