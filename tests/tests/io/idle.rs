//! An idle process stays idle, whatever waits in it.

use crate::LONG;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::*},
    },
    thread,
    time::{Duration, Instant},
};
use vitte_tests::{is_alone, within};
use vitte_threads::{
    Fiber, Outcome, Runtime, StopSource,
    io::{TcpListener, TcpStream},
    park, sleep,
};

const PARKED: usize = 10_000;
const CONNECTIONS: usize = 1_000;
const HOUR: Duration = Duration::from_secs(3600);

/// How often the threads whose names begin so have left a processor.
fn switches(name: &str) -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let of_thread = |task: fs::DirEntry| {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if !read("comm").starts_with(name) {
            return 0;
        }
        let status = read("status");
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        let counts =
            lines.filter_map(|line| line.split_whitespace().next_back()?.parse::<u64>().ok());
        counts.sum::<u64>()
    };
    tasks.map(of_thread).sum()
}

/// Ten thousand fibers are parked, a thousand connections are idle, and sleeps and timers are an hour away: then no
/// thread of the runtime runs at all. In a process of its own, for it has many descriptors.
#[test]
fn what_waits_wakes_no_thread() {
    if !is_alone("idle::what_waits_wakes_no_thread") {
        return;
    }
    within(LONG, "idle", || {
        let runtime = Runtime::builder().workers(2).name("at-rest");
        let runtime = runtime.build().unwrap();
        let begun = Arc::new(AtomicUsize::new(0));
        let source = StopSource::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (token, reading) = (source.token(), Arc::clone(&begun));
        let server = runtime.spawn(move || {
            let mut readers = Vec::new();
            while let Ok((stream, _)) = listener.accept_or_stop(&token) {
                let reading = Arc::clone(&reading);
                readers.push(Fiber::spawn(move || {
                    reading.fetch_add(1, SeqCst);
                    stream.read(&mut [0; 8])
                }));
            }
            let ends = readers.into_iter();
            ends.map(|reader| reader.join().unwrap().unwrap())
                .sum::<usize>()
        });
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let waits = |wait: fn() -> Outcome| {
            let begun = Arc::clone(&begun);
            runtime.spawn(move || {
                begun.fetch_add(1, SeqCst);
                wait()
            })
        };
        let parked: Vec<_> = (0..PARKED).map(|_| waits(park)).collect();
        let asleep: Vec<_> = (0..100).map(|_| waits(|| sleep(HOUR))).collect();
        let timers: Vec<_> = (0..100)
            .map(|_| runtime.every(HOUR, |_| {}).unwrap())
            .collect();
        while begun.load(SeqCst) < PARKED + CONNECTIONS + asleep.len() {
            thread::sleep(Duration::from_millis(1));
        }
        // The last begin to wait, stacks are given back, the workers lie down: then it is quiet for a second.
        let (mut seen, mut since) = (switches("at-rest"), Instant::now());
        assert!(seen > 0, "the system counts them");
        // Liveness: if a thread wakes again and again, the watchdog says so.
        while since.elapsed() < Duration::from_secs(1) {
            thread::sleep(Duration::from_millis(50));
            let now = switches("at-rest");
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
        assert!(timers.iter().all(|timer| timer.stats().fired == 0));
        // Nobody was lost meanwhile.
        source.stop();
        drop(clients);
        assert_eq!(server.join().unwrap(), 0);
        for fiber in parked {
            fiber.unpark();
            assert_eq!(fiber.join().unwrap(), Outcome::Woken);
        }
        for fiber in asleep {
            fiber.cancel();
            assert_eq!(fiber.join().unwrap(), Outcome::Canceled);
        }
    });
}
