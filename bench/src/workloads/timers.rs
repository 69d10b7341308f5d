//! `timers_p50`, `timers_p99`, `timers_cpu`: a hundred thousand timers that call something within a second.
//!
//! Tokio's only timer is a future, so its part is a task for each that awaits one.

use super::{Workload, lateness};

pub(crate) fn workloads() -> Vec<Workload> {
    lateness::workloads_of(
        "timers",
        &[
            #[cfg(feature = "vitte")]
            vitte,
        ],
    )
}

#[cfg(feature = "vitte")]
fn vitte(cell: &super::Cell, figure: lateness::Figure) -> f64 {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use vitte_threads::sync::{Mutex, WaitGroup};
    use vitte_threads::{Runtime, Timer};

    /// What the callbacks tell.
    struct Told {
        late: Mutex<Vec<Duration>>,
        open: WaitGroup,
    }

    fn start(runtime: &Runtime, n: u64, told: Arc<Told>) -> Timer {
        let (nap, began) = (lateness::nap(n), Instant::now());
        let timer = runtime.timer(move |_| {
            let late = began.elapsed().saturating_sub(nap);
            told.late.lock().expect("nobody panics").push(late);
            told.open.done();
        });
        timer.start_after(nap).expect("the runtime runs");
        timer
    }

    fn course(runtime: &Runtime, count: u64) -> Vec<Duration> {
        let told = Arc::new(Told {
            late: Mutex::new(Vec::with_capacity(count as usize)),
            open: WaitGroup::new(),
        });
        told.open.add(count as usize);
        let timers: Vec<_> = (0..count)
            .map(|n| start(runtime, n, Arc::clone(&told)))
            .collect();
        told.open.wait().expect("nobody cancels it");
        drop(timers);
        std::mem::take(&mut *told.late.lock().expect("nobody panics"))
    }

    let runtime = Runtime::builder().workers(cell.workers).build();
    let runtime = runtime.expect("threads can be started");
    lateness::measured(cell, figure, |count| {
        runtime.run(|| course(&runtime, count))
    })
}
