//! `fiber_mpsc_N`: four fibers send to a fifth through a channel that holds N.

use super::{CAPACITIES, Capacity, Subject, Workload, fiber_fan_in, name_with_capacity};

const SENDERS: u64 = 4;

pub(crate) fn workloads() -> Vec<Workload> {
    CAPACITIES.map(workload).into()
}

fn workload(capacity: Capacity) -> Workload {
    let mut subjects = vec![
        #[cfg(feature = "vitte")]
        Subject::new("vitte", move |cell| {
            fiber_fan_in::vitte(cell, SENDERS, capacity)
        }),
        Subject::new("kanal", move |cell| {
            fiber_fan_in::kanal(cell, SENDERS, capacity)
        }),
    ];
    if capacity != Some(0) {
        // tokio has no channel that hands over.
        let tokio = move |cell: &_| fiber_fan_in::tokio(cell, SENDERS, capacity);
        subjects.push(Subject::new("tokio", tokio));
    }
    subjects.push(match capacity {
        Some(_) => Subject::go(),
        // All of Go's channels have a bound, none of may's has.
        None => Subject::new("may", |cell| fiber_fan_in::may_mpsc(cell, SENDERS)),
    });
    let name = name_with_capacity("fiber_mpsc", capacity);
    Workload {
        name,
        unit: "ns",
        workers: &[2],
        subjects,
    }
}
