//! An idle process stays idle, however many descriptors it watches.

use crate::LONG;
use std::{fs, process::Command, time::Duration};
use vitte_tests::within;
use vitte_threads::{
    Deadline, Runtime, StopSource,
    io::{TcpListener, TcpStream},
};

/// Processor time that this process has used, in hundredths of a second.
fn used() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let mut times = rest.split_whitespace().skip(11).take(2);
    let mut next = || times.next().unwrap().parse::<u64>().unwrap();
    next() + next()
}

/// In a process of its own, for other tests use the processor too: this one runs itself again.
#[test]
fn a_thousand_idle_connections_use_no_processor_time() {
    const ASKED: &str = "VITTE_TEST_IDLE_CONNECTIONS";
    if std::env::var_os(ASKED).is_none() {
        let own = std::env::current_exe().unwrap();
        let name = "idle::a_thousand_idle_connections_use_no_processor_time";
        let again = Command::new(own)
            .args(["--exact", name])
            .env(ASKED, "1")
            .output()
            .unwrap();
        assert!(
            again.status.success(),
            "{}",
            String::from_utf8_lossy(&again.stdout)
        );
        return;
    }
    within(LONG, "idle", || {
        let runtime = Runtime::builder().workers(2).build().unwrap();
        let source = StopSource::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let token = source.token();
        let server = runtime.spawn(move || {
            let mut readers = Vec::new();
            while let Ok((stream, _)) = listener.accept_or_stop(&token) {
                readers.push(vitte_threads::Fiber::spawn(move || {
                    stream.read(&mut [0; 8])
                }));
            }
            readers
                .into_iter()
                .map(|reader| reader.join().unwrap().unwrap())
                .sum::<usize>()
        });
        let sleeper = {
            let token = source.token();
            let hour = Deadline::after(Duration::from_secs(3600));
            runtime.spawn(move || token.wait(hour, None))
        };
        let clients: Vec<_> = (0..1000)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        let before = used();
        std::thread::sleep(Duration::from_secs(2));
        let hundredths = used() - before;
        assert!(
            hundredths <= 10,
            "{hundredths} hundredths of a second in 2 seconds"
        );
        source.stop();
        drop(clients);
        assert_eq!(server.join().unwrap(), 0);
        assert_eq!(sleeper.join().unwrap(), vitte_threads::Outcome::Woken);
    });
}
