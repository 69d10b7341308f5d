//! `rwlock_read`: threads take a lock for reading, look, and let it go; nobody writes.

use std::hint::black_box;

use super::{Cell, Subject, Workload, several_threads};

const MOST: u64 = 1 << 26;
const VALUE: u64 = 7;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "rwlock_read".to_owned(),
        unit: "ns",
        workers: &[1, 2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("parking_lot", parking_lot),
            Subject::new("std", std),
            Subject::go(),
        ],
    }]
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::sync::RwLock;

    let value = RwLock::new(VALUE);
    let turn = || assert_eq!(black_box(*value.read().expect("nobody panics")), VALUE);
    cell.paced(MOST, |count| {
        several_threads::pass(cell.workers, count, turn)
    })
}

fn parking_lot(cell: &Cell) -> f64 {
    use parking_lot::RwLock;

    let value = RwLock::new(VALUE);
    let turn = || assert_eq!(black_box(*value.read()), VALUE);
    cell.paced(MOST, |count| {
        several_threads::pass(cell.workers, count, turn)
    })
}

fn std(cell: &Cell) -> f64 {
    use std::sync::RwLock;

    let value = RwLock::new(VALUE);
    let turn = || assert_eq!(black_box(*value.read().expect("nobody panics")), VALUE);
    cell.paced(MOST, |count| {
        several_threads::pass(cell.workers, count, turn)
    })
}
