//! The registry: what a workload is, and the list of them.
//!
//! A new workload is one file here, one line in [`all`], and one sentence in the README.

mod blocked_delay;
mod broadcast;
mod channel_pingpong;
mod echo;
mod fib_join;
mod fib_spawn;
mod fiber_fan_in;
mod fiber_mpsc;
mod fiber_mutex;
mod fiber_spsc;
mod lateness;
mod mutex;
mod native_region;
mod park_pingpong;
mod parked;
mod poll;
mod priority_p99;
mod rwlock_read;
mod select;
mod several_threads;
mod skynet_join;
mod skynet_spawn;
mod sleepers;
mod spawn_bulk;
mod spawn_join;
mod thread_fan_in;
mod thread_mpsc;
mod thread_spsc;
mod thread_spsc_try;
mod timeout_cancel;
mod timers;
mod yielding;

use std::fmt;

/// All workloads, in the order of the report.
pub(crate) fn all() -> Vec<Workload> {
    [
        yielding::workloads(),
        spawn_join::workloads(),
        spawn_bulk::workloads(),
        fib_spawn::workloads(),
        skynet_spawn::workloads(),
        fib_join::workloads(),
        skynet_join::workloads(),
        park_pingpong::workloads(),
        channel_pingpong::workloads(),
        fiber_spsc::workloads(),
        fiber_mpsc::workloads(),
        thread_spsc::workloads(),
        thread_spsc_try::workloads(),
        thread_mpsc::workloads(),
        select::workloads(),
        broadcast::workloads(),
        mutex::workloads(),
        fiber_mutex::workloads(),
        rwlock_read::workloads(),
        echo::workloads(),
        parked::workloads(),
        timers::workloads(),
        sleepers::workloads(),
        timeout_cancel::workloads(),
        poll::workloads(),
        native_region::workloads(),
        blocked_delay::workloads(),
        priority_p99::workloads(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One task, the numbers of workers it is run with, and everybody who can do it.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: String,
    /// The unit of the figure; smaller is better in all of them.
    pub(crate) unit: &'static str,
    pub(crate) workers: &'static [usize],
    pub(crate) subjects: Vec<Subject>,
}

/// Somebody who can do a workload.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
}

/// Where a subject's body runs.
pub(crate) enum Run {
    /// In this program: a body that returns the figure.
    Here(Box<dyn Fn(&Cell) -> f64>),
    /// In the Go program, under the workload's name.
    Go,
}

impl Subject {
    /// A subject with a body in this program.
    pub(crate) fn new(name: &'static str, body: impl Fn(&Cell) -> f64 + 'static) -> Self {
        Self {
            name,
            run: Run::Here(Box::new(body)),
        }
    }

    /// The Go program, which must know the workload by the same name.
    pub(crate) fn go() -> Self {
        Self {
            name: crate::subjects::go::NAME,
            run: Run::Go,
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a body is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) workers: usize,
    pub(crate) size: Size,
}

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Only to show that everything runs.
    pub(crate) quick: bool,
    /// Fibers in the `parked_*` workloads.
    pub(crate) parked: u64,
}

/// How many messages a channel holds; `None` is without bound, 0 hands over from sender to receiver.
pub(crate) type Capacity = Option<usize>;

/// The capacities every channel workload is run with.
const CAPACITIES: [Capacity; 4] = [Some(0), Some(1), Some(128), None];

/// A channel workload's name: the family and the capacity.
fn name_with_capacity(family: &str, capacity: Capacity) -> String {
    match capacity {
        Some(capacity) => format!("{family}_{capacity}"),
        None => format!("{family}_unbounded"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_workload_is_described_in_the_readme() {
        let readme = include_str!("../../README.md");
        for workload in all() {
            let described = |name: &str| readme.contains(&format!("| `{name}` |"));
            let family = workload
                .name
                .rsplit_once('_')
                .map(|(family, _)| format!("{family}_N"));
            let found =
                described(&workload.name) || family.is_some_and(|family| described(&family));
            assert!(found, "{} is missing from bench/README.md", workload.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut seen = HashSet::new();
        for workload in all() {
            let mut subjects = HashSet::new();
            assert!(
                workload
                    .subjects
                    .iter()
                    .all(|subject| subjects.insert(subject.name))
            );
            assert!(
                seen.insert(workload.name.clone()),
                "{} is there twice",
                workload.name
            );
        }
    }

    #[test]
    fn the_go_program_knows_every_workload_that_names_it() {
        let program = include_str!("../../rivals/go/main.go");
        for workload in all() {
            if (workload.subjects.iter()).any(|subject| matches!(subject.run, Run::Go)) {
                assert!(
                    program.contains(&format!("\"{}\":", workload.name)),
                    "{}",
                    workload.name
                );
            }
        }
    }
}
