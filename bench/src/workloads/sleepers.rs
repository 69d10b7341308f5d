//! `sleepers_p50`, `sleepers_p99`, `sleepers_cpu`: a hundred thousand fibers that sleep for up to a second.

use super::{Workload, lateness};

pub(crate) fn workloads() -> Vec<Workload> {
    lateness::workloads_of(
        "sleepers",
        &[
            #[cfg(feature = "vitte")]
            vitte,
        ],
    )
}

#[cfg(feature = "vitte")]
fn vitte(cell: &super::Cell, figure: lateness::Figure) -> f64 {
    use std::time::{Duration, Instant};

    use vitte_threads::{Fiber, Runtime, sleep};

    fn course(count: u64) -> Vec<Duration> {
        let sleepers: Vec<_> = (0..count)
            .map(|n| {
                Fiber::spawn(move || {
                    let (nap, began) = (lateness::nap(n), Instant::now());
                    let _ = sleep(nap);
                    began.elapsed().saturating_sub(nap)
                })
            })
            .collect();
        let late = sleepers.into_iter().map(|sleeper| sleeper.join());
        late.map(|late| late.expect("it only sleeps")).collect()
    }

    let runtime = Runtime::builder()
        .workers(cell.workers)
        .stack_size(16 * 1024)
        .build();
    let runtime = runtime.expect("threads can be started");
    lateness::measured(cell, figure, |count| runtime.run(move || course(count)))
}
