//! `thread_spsc_N`: one native thread sends to another through a channel that holds N.

use super::{CAPACITIES, Capacity, Subject, Workload, name_with_capacity, thread_fan_in};

pub(crate) fn workloads() -> Vec<Workload> {
    CAPACITIES.map(workload).into()
}

fn workload(capacity: Capacity) -> Workload {
    let mut subjects = vitte(capacity);
    subjects.extend([
        Subject::new("kanal", move |cell| thread_fan_in::kanal(cell, 1, capacity)),
        Subject::new("crossbeam-channel", move |cell| {
            thread_fan_in::crossbeam(cell, 1, capacity)
        }),
        Subject::new("flume", move |cell| thread_fan_in::flume(cell, 1, capacity)),
        Subject::new("std", move |cell| thread_fan_in::std(cell, 1, capacity)),
    ]);
    let name = name_with_capacity("thread_spsc", capacity);
    Workload {
        name,
        unit: "ns",
        workers: &[2],
        subjects,
    }
}

/// Where there is a channel for one sender and one receiver it is the one that counts, with the other beside it.
#[cfg(feature = "vitte")]
fn vitte(capacity: Capacity) -> Vec<Subject> {
    let many = move |cell: &_| thread_fan_in::vitte(cell, 1, capacity);
    match capacity {
        None | Some(0) => vec![Subject::new("vitte", many)],
        Some(places) => vec![
            Subject::new("vitte", move |cell| thread_fan_in::vitte_spsc(cell, places)),
            Subject::new("vitte-mpsc", many),
        ],
    }
}

#[cfg(not(feature = "vitte"))]
fn vitte(_: Capacity) -> Vec<Subject> {
    Vec::new()
}
