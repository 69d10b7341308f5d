//! `fiber_spsc_N`: one fiber sends to another through a channel that holds N.

use super::{CAPACITIES, Capacity, Subject, Workload, fiber_fan_in, name_with_capacity};

pub(crate) fn workloads() -> Vec<Workload> {
    CAPACITIES.map(workload).into()
}

fn workload(capacity: Capacity) -> Workload {
    let mut subjects = vitte(capacity);
    subjects.push(Subject::new("kanal", move |cell| {
        fiber_fan_in::kanal(cell, 1, capacity)
    }));
    if capacity != Some(0) {
        // tokio has no channel that hands over.
        subjects.push(Subject::new("tokio", move |cell| {
            fiber_fan_in::tokio(cell, 1, capacity)
        }));
    }
    subjects.push(match capacity {
        Some(_) => Subject::go(),
        // All of Go's channels have a bound, none of may's has.
        None => Subject::new("may", fiber_fan_in::may_spsc),
    });
    let name = name_with_capacity("fiber_spsc", capacity);
    Workload {
        name,
        unit: "ns",
        workers: &[1, 2],
        subjects,
    }
}

/// Where there is a channel for one sender and one receiver it is the one that counts, with the other beside it.
#[cfg(feature = "vitte")]
fn vitte(capacity: Capacity) -> Vec<Subject> {
    let many = move |cell: &_| fiber_fan_in::vitte(cell, 1, capacity);
    match capacity {
        None | Some(0) => vec![Subject::new("vitte", many)],
        Some(places) => vec![
            Subject::new("vitte", move |cell| fiber_fan_in::vitte_spsc(cell, places)),
            Subject::new("vitte-mpsc", many),
        ],
    }
}

#[cfg(not(feature = "vitte"))]
fn vitte(_: Capacity) -> Vec<Subject> {
    Vec::new()
}
