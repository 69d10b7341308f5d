//! How late a hundred thousand are who wait for a point in time, and what that takes: the figures that
//! `timers_*` and `sleepers_*` have in common, and the rivals of both.
//!
//! One course of events gives all three figures; a cell reports the one it is named after.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::{Cell, Subject, Workload};
use crate::subjects::tokio::Tokio;

/// The shortest and the longest wait, in milliseconds.
const SLEEPS: (u64, u64) = (1, 1000);

/// What became of all of them.
#[derive(Debug)]
pub(super) struct Course {
    /// How much later than asked for each of them was, in order.
    late: Vec<Duration>,
    /// What the process computed meanwhile, spawning included.
    cpu: Duration,
}

impl Course {
    fn of(mut late: Vec<Duration>, cpu: Duration) -> Self {
        late.sort_unstable();
        Self { late, cpu }
    }

    /// Microseconds that so many of a hundred are late at most.
    fn percentile(&self, percent: usize) -> f64 {
        let at = (self.late.len() * percent / 100).min(self.late.len() - 1);
        self.late[at].as_secs_f64() * 1e6
    }
}

/// What a cell reports of a course.
pub(super) type Figure = fn(&Course) -> f64;

/// How a subject finds it out.
pub(super) type Body = fn(&Cell, Figure) -> f64;

/// The three figures of a family: ours by `vitte`, if it is built, tokio's, and those of Go.
pub(super) fn workloads_of(family: &str, vitte: &[Body]) -> Vec<Workload> {
    let workload = |name: &str, unit, figure: Figure| {
        let ours = vitte
            .iter()
            .map(|&vitte| Subject::new("vitte", move |cell| vitte(cell, figure)));
        let tokio = Subject::new("tokio", move |cell| tokio(cell, figure));
        Workload {
            name: format!("{family}_{name}"),
            unit,
            workers: &[2],
            subjects: ours.chain([tokio, Subject::go()]).collect(),
        }
    };
    vec![
        workload("p50", "us", |course| course.percentile(50)),
        workload("p99", "us", |course| course.percentile(99)),
        workload("cpu", "ms", |course| course.cpu.as_secs_f64() * 1e3),
    ]
}

/// How long number `n` waits: spread evenly, and neighbours far apart (the step is prime to the span).
pub(super) fn nap(n: u64) -> Duration {
    let (shortest, longest) = SLEEPS;
    let span = (longest - shortest) * 1000;
    Duration::from_micros(shortest * 1000 + n * 618_047 % span)
}

/// The processor time of all threads of this process.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).expect("it began at 0"),
        u32::try_from(now.tv_nsec).expect("it is below a second"),
    )
}

/// A small course first, so that no figure contains the start of the runtime.
pub(super) fn measured(
    cell: &Cell,
    figure: Figure,
    mut course: impl FnMut(u64) -> Vec<Duration>,
) -> f64 {
    let _ = course(100);
    let before = cpu();
    let late = course(cell.size.choose(100_000, 2_000));
    figure(&Course::of(late, cpu() - before))
}

fn tokio(cell: &Cell, figure: Figure) -> f64 {
    async fn course(count: u64) -> Vec<Duration> {
        let sleepers: Vec<_> = (0..count)
            .map(|n| {
                tokio::spawn(async move {
                    let (nap, began) = (nap(n), Instant::now());
                    tokio::time::sleep(nap).await;
                    began.elapsed().saturating_sub(nap)
                })
            })
            .collect();
        let mut late = Vec::new();
        for sleeper in sleepers {
            late.push(sleeper.await.expect("it only sleeps"));
        }
        late
    }

    let runtime = Tokio::start_with_time(cell.workers);
    measured(cell, figure, |count| runtime.run(course(count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_differ_and_keep_within_their_bounds() {
        let naps: std::collections::HashSet<_> = (0..10_000).map(nap).collect();
        assert!(naps.len() > 9_000, "only {} differ", naps.len());
        let (shortest, longest) = SLEEPS;
        let bounds = Duration::from_millis(shortest)..=Duration::from_millis(longest);
        assert!(naps.iter().all(|nap| bounds.contains(nap)));
    }

    #[test]
    fn percentiles_are_of_what_was_late() {
        let late = (1..=100).rev().map(Duration::from_micros).collect();
        let course = Course::of(late, Duration::ZERO);
        assert_eq!(
            (course.percentile(50), course.percentile(99)),
            (51.0, 100.0)
        );
    }
}
