//! Runtimes come and go in one process, and nothing stays behind. Alone in its process, for it counts what the
//! process has.

use std::{fs, time::Duration};
use vitte_tests::{descriptors, live_threads, within};
use vitte_threads::{
    Channel, Deadline, Fiber, Runtime,
    io::{TcpListener, TcpStream},
    sleep,
};

/// Threads, descriptors and mappings of this process.
fn census() -> [usize; 3] {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    [live_threads().len(), descriptors(), maps.lines().count()]
}

/// A runtime that has done a little of everything, with or without threads of its own.
fn live(workers: usize) {
    let runtime = Runtime::builder().workers(workers).build().unwrap();
    if let Some(driver) = runtime.driver() {
        driver.wait_handle().unwrap();
        driver.set_wake(Some(|| ()));
    }
    let sum = runtime.run(|| {
        let (tx, rx) = Channel::bounded(1);
        for n in 0..20_u32 {
            let tx = tx.clone();
            Fiber::spawn(move || tx.send(n).unwrap());
        }
        drop(tx);
        let _ = sleep(Duration::from_micros(50));
        rx.iter().sum::<u32>()
    });
    assert_eq!(sum, 190);
    runtime.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let client = Fiber::spawn(move || TcpStream::connect(to).unwrap().read(&mut [0]));
        let (stream, _) = listener.accept().unwrap();
        let _ = stream.read_for(&mut [0], Duration::from_micros(100));
        drop(stream);
        assert_eq!(client.join().unwrap().unwrap(), 0);
    });
    // One is left, and ends with the runtime.
    let (_tx, rx) = Channel::new::<()>();
    let left = runtime.spawn(move || rx.recv().is_err());
    runtime
        .shutdown(Deadline::after(Duration::from_secs(60)))
        .unwrap();
    let _ = left.join();
}

#[test]
fn a_hundred_runtimes_one_after_the_other_leave_nothing() {
    within(Duration::from_secs(300), "a hundred runtimes", || {
        for workers in [2, 0] {
            // What is made once stays: slabs, the allocator's arenas.
            for _ in 0..20 {
                live(workers);
            }
            let before = census();
            for _ in 0..100 {
                live(workers);
            }
            let after = census();
            assert_eq!(before[..2], after[..2], "threads, descriptors");
            let more = after[2].saturating_sub(before[2]);
            assert!(more < 50, "{more} mappings more after a hundred runtimes");
        }
    });
}
