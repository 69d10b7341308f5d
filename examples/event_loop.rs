//! An event loop that has its own things to wait for, and drives a runtime beside them: no thread but this
//! one runs any fiber. The loop sleeps in `poll(2)`, on its own descriptors and the runtime's.
//!
//! ```sh
//! cargo run -p vitte-threads --example event_loop
//! ```

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io::{Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    thread,
    time::Duration,
};
use vitte_threads::{Channel, Deadline, Runtime, Why, sleep};

/// How long fibers may hold up the loop.
const PORTION: Duration = Duration::from_millis(2);

fn main() -> anyhow::Result<()> {
    let runtime = Runtime::builder().workers(0).build()?;
    let driver = runtime.driver().expect("it has no workers");

    // What the loop itself waits for: here, another thread that says something now and then.
    let (mut other, mut own) = UnixStream::pair()?;
    let speaker = thread::spawn(move || -> std::io::Result<()> {
        for word in ["one", "two", "three"] {
            thread::sleep(Duration::from_millis(20));
            other.write_all(word.as_bytes())?;
        }
        Ok(())
    });

    // Fibers, which wait as they like: one tells the time, one answers what the loop has heard.
    let (heard, words) = Channel::new::<String>();
    let clock = runtime.spawn(|| {
        for tick in 1..=5 {
            let _ = sleep(Duration::from_millis(15));
            println!("tick {tick}");
        }
    });
    let answering = runtime.spawn(move || {
        let answers = words.iter().map(|word| println!("heard: {word}"));
        answers.count()
    });

    let mut heard = Some(heard);
    loop {
        let ran = driver.run_ready(u64::MAX, Deadline::after(PORTION))?;
        if clock.is_finished() && answering.is_finished() {
            break;
        }
        // Where fibers are left, only a look. Otherwise as long as it takes: the runtime's descriptor is
        // readable when a fiber is ready, or its time has come.
        let no_time = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let timeout = (ran.why != Why::NothingReady).then_some(&no_time);
        let handle = driver.wait_handle()?;
        let both = [handle, own.as_fd()];
        let mut entries = both.each_ref().map(|fd| PollFd::new(fd, PollFlags::IN));
        let watched = if heard.is_some() { 2 } else { 1 };
        poll(&mut entries[..watched], timeout)?;
        let has_word = !entries[1].revents().is_empty();
        if !has_word {
            continue;
        }
        let mut bytes = [0; 64];
        let len = own.read(&mut bytes)?;
        match &heard {
            Some(heard) if len != 0 => {
                heard.send(String::from_utf8_lossy(&bytes[..len]).into_owned())?;
            }
            // Nothing will come any more: the fiber that receives ends.
            _ => heard = None,
        }
    }
    println!("{} words", answering.join()?);
    clock.join()?;
    speaker.join().expect("it does not panic")?;
    Ok(())
}
