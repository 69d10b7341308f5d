//! `thread_mpsc_N`: four native threads send to a fifth through a channel that holds N.

use super::{CAPACITIES, Capacity, Subject, Workload, name_with_capacity, thread_fan_in};

const SENDERS: usize = 4;

pub(crate) fn workloads() -> Vec<Workload> {
    CAPACITIES.map(workload).into()
}

fn workload(capacity: Capacity) -> Workload {
    let subjects = vec![
        #[cfg(feature = "vitte")]
        Subject::new("vitte", move |cell| {
            thread_fan_in::vitte(cell, SENDERS, capacity)
        }),
        Subject::new("kanal", move |cell| {
            thread_fan_in::kanal(cell, SENDERS, capacity)
        }),
        Subject::new("crossbeam-channel", move |cell| {
            thread_fan_in::crossbeam(cell, SENDERS, capacity)
        }),
        Subject::new("flume", move |cell| {
            thread_fan_in::flume(cell, SENDERS, capacity)
        }),
        Subject::new("std", move |cell| {
            thread_fan_in::std(cell, SENDERS, capacity)
        }),
    ];
    let name = name_with_capacity("thread_mpsc", capacity);
    Workload {
        name,
        unit: "ns",
        workers: &[SENDERS + 1],
        subjects,
    }
}
