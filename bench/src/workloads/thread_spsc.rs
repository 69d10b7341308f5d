//! `thread_spsc_N`: one native thread sends to another through a channel that holds N.

use super::{CAPACITIES, Capacity, Subject, Workload, name_with_capacity, thread_fan_in};

pub(crate) fn workloads() -> Vec<Workload> {
    CAPACITIES.map(workload).into()
}

fn workload(capacity: Capacity) -> Workload {
    let mut subjects = vec![
        #[cfg(feature = "vitte")]
        Subject::new("vitte", move |cell| thread_fan_in::vitte(cell, 1, capacity)),
        Subject::new("kanal", move |cell| thread_fan_in::kanal(cell, 1, capacity)),
        Subject::new("crossbeam-channel", move |cell| {
            thread_fan_in::crossbeam(cell, 1, capacity)
        }),
        Subject::new("flume", move |cell| thread_fan_in::flume(cell, 1, capacity)),
        Subject::new("std", move |cell| thread_fan_in::std(cell, 1, capacity)),
    ];
    if capacity == Some(128) {
        // A ring has a bound, and with room for one message it is not what anybody uses it for.
        subjects.push(Subject::new("rtrb", |cell| thread_fan_in::rtrb(cell, 128)));
    }
    let name = name_with_capacity("thread_spsc", capacity);
    Workload {
        name,
        unit: "ns",
        workers: &[2],
        subjects,
    }
}
