//! What waits costs no processor time.

use crate::LIMIT;
use std::{
    thread,
    time::{Duration, Instant},
};
use vitte_tests::within;
use vitte_threads::{Runtime, park, sleep};

/// The processor time that a thread of this process has used, for all its threads whose name begins so.
#[cfg(target_os = "linux")]
fn cpu_ticks(name: &str) -> u64 {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // `pid (name) state ...`: user and system time are the 14th and 15th.
        let Some((head, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        if head
            .split_once('(')
            .is_some_and(|(_, comm)| comm.starts_with(name))
        {
            let mut fields = rest.split_whitespace().skip(11);
            let mut field = || fields.next().and_then(|field| field.parse().ok());
            let (user, system): (Option<u64>, Option<u64>) = (field(), field());
            ticks += user.unwrap_or(0) + system.unwrap_or(0);
        }
    }
    ticks
}

/// Ten thousand parked fibers, as many that sleep, and timers an hour away; then nothing happens, and
/// nothing is done for it.
#[test]
#[cfg(target_os = "linux")]
fn parked_fibers_and_distant_timers_use_no_processor() {
    within(LIMIT, "idle", || {
        let hour = Duration::from_secs(3600);
        let on = Runtime::builder()
            .workers(2)
            .name("idlers")
            .build()
            .unwrap();
        for _ in 0..10_000 {
            on.spawn(park);
        }
        for _ in 0..1_000 {
            on.spawn(move || sleep(hour));
        }
        let timers: Vec<_> = (0..100).map(|_| on.every(hour, |_| {}).unwrap()).collect();
        // Until all have begun to wait and the workers sleep, the figures move.
        let (mut used, mut quiet) = (cpu_ticks("idlers"), Instant::now());
        let begun = Instant::now();
        // A second in which less than one hundredth of a processor was used, sooner or later.
        while quiet.elapsed() < Duration::from_secs(1) {
            thread::sleep(Duration::from_millis(100));
            let now = cpu_ticks("idlers");
            if now > used {
                (used, quiet) = (now, Instant::now());
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "the workers do not come to rest: {used} ticks, and counting"
            );
        }
        assert!(timers.iter().all(|timer| timer.stats().fired == 0));
    });
}
