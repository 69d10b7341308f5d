//! `mutex` and `mutex_contended`: one thread, and two, increment a counter under a lock.

use super::{Cell, Subject, Workload, several_threads};

const MOST: u64 = 1 << 26;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![workload("mutex", &[1]), workload("mutex_contended", &[2])]
}

fn workload(name: &str, threads: &'static [usize]) -> Workload {
    Workload {
        name: name.to_owned(),
        unit: "ns",
        workers: threads,
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("parking_lot", parking_lot),
            Subject::new("std", std),
            Subject::go(),
        ],
    }
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::sync::Mutex;

    cell.paced(MOST, |count| {
        let total = Mutex::new(0);
        let turn = || *total.lock().expect("nobody panics") += 1;
        let took = several_threads::pass(cell.workers, count, turn);
        assert_eq!(total.into_inner().expect("nobody panics"), count);
        took
    })
}

fn parking_lot(cell: &Cell) -> f64 {
    use parking_lot::Mutex;

    cell.paced(MOST, |count| {
        let total = Mutex::new(0);
        let took = several_threads::pass(cell.workers, count, || *total.lock() += 1);
        assert_eq!(total.into_inner(), count);
        took
    })
}

fn std(cell: &Cell) -> f64 {
    use std::sync::Mutex;

    cell.paced(MOST, |count| {
        let total = Mutex::new(0);
        let turn = || *total.lock().expect("nobody panics") += 1;
        let took = several_threads::pass(cell.workers, count, turn);
        assert_eq!(total.into_inner().expect("nobody panics"), count);
        took
    })
}
