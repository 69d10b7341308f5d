//! The relay: what is sent before a flush is out after it, and nothing is lost at the end.
//!
//! Its loop is too long for loom to try every schedule of several senders and a flush: of those shuttle draws some thousand, and
//! loom tries one value's.

use crate::check::check;
use std::convert::Infallible;
use vitte_channels::relay::{End, Options, Relay, Report, Verdict};
use vitte_wait::{Deadline, facade::thread};
#[cfg(shuttle)]
use {
    vitte_channels::relay::FlushError,
    vitte_wait::{
        StopSource, current,
        facade::{
            Arc, Mutex,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
    },
};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

#[test]
fn a_value_goes_out_once_before_the_end() {
    check("relay, one value", 2, || {
        let (tx, relay) = Options::new(1).capacity(1).open();
        let sender = thread::spawn(move || tx.send(1).unwrap());
        let (out, report) = run_out(relay);
        sender.join().unwrap();
        assert_eq!((out, report.end), (vec![1], End::Closed));
    });
}

#[test]
fn a_value_is_out_or_comes_back_when_the_relay_is_closed() {
    check("relay, one value or the end", 2, || {
        let (tx, relay) = Options::new(1).capacity(1).open();
        let closer = tx.clone();
        let sender = thread::spawn(move || tx.send(1).is_ok());
        closer.close();
        let (out, _) = run_out(relay);
        assert_eq!(out.len(), usize::from(sender.join().unwrap()));
    });
}

#[test]
fn a_value_is_out_or_late() {
    check("relay, one value or the deadline", 2, || {
        let (tx, relay) = Options::new(1).capacity(1).open();
        let sender =
            thread::spawn(move || (0..2).filter(|n| tx.send_until(*n, PAST).is_ok()).count());
        let (out, _) = run_out(relay);
        assert_eq!(out.len(), sender.join().unwrap());
    });
}

/// Runs `relay` to its end, on the calling thread.
fn run_out(relay: Relay<u32>) -> (Vec<u32>, Report<u32>) {
    let mut out = Vec::new();
    let put_out = |batch: &mut Vec<u32>| {
        out.append(batch);
        Ok::<(), Infallible>(())
    };
    let report = relay.run(put_out, |_| Verdict::Drop);
    (out, report)
}

#[cfg(shuttle)]
#[test]
fn a_flush_returns_when_all_before_it_is_out() {
    check("relay, flush", 2, || {
        let (tx, relay) = Options::new(3).capacity(1).open();
        let out = Arc::new(Mutex::new(Vec::new()));
        let sink = out.clone();
        let running = thread::spawn(move || {
            let put_out = |batch: &mut Vec<u32>| {
                sink.lock().append(batch);
                Ok::<(), Infallible>(())
            };
            relay.run(put_out, |_| Verdict::Drop)
        });
        let senders = [1, 2].map(|n| {
            let (tx, out) = (tx.clone(), out.clone());
            thread::spawn(move || {
                tx.send(n).unwrap();
                tx.send(10 * n).unwrap();
                tx.flush().unwrap();
                let out = out.lock();
                assert!(out.contains(&n) && out.contains(&(10 * n)));
            })
        });
        for sender in senders {
            sender.join().unwrap();
        }
        drop(tx);
        assert_eq!(running.join().unwrap().values, 4);
        assert_eq!(out.lock().iter().sum::<u32>(), 33);
    });
}

#[cfg(shuttle)]
#[test]
fn what_is_sent_is_out_or_comes_back_when_the_relay_is_stopped() {
    check("relay, stop", 2, || {
        let (tx, relay) = Options::new(2).capacity(1).open();
        let source = StopSource::new();
        let token = source.token();
        let out = Arc::new(AtomicUsize::new(0));
        let counted = out.clone();
        let running = thread::spawn(move || {
            let put_out = |batch: &mut Vec<u32>| {
                counted.fetch_add(batch.len(), SeqCst);
                Ok::<(), Infallible>(())
            };
            relay.run_or_stop(&token, put_out, |_| Verdict::Drop)
        });
        let sender = thread::spawn(move || {
            let sent = (0..3).filter(|n| tx.send(*n).is_ok()).count();
            // Either it was all out before the stop, or there is nobody to ask.
            if let Err(error) = tx.flush() {
                assert_eq!(error, FlushError::Closed);
            }
            sent
        });
        source.stop();
        let report = running.join().unwrap();
        assert_eq!(report.end, End::Stopped);
        assert_eq!(sender.join().unwrap(), out.load(SeqCst));
    });
}

#[cfg(shuttle)]
#[test]
fn a_flush_that_times_out_takes_nothing_back() {
    check("relay, deadline", 2, || {
        let (tx, relay) = Options::new(2).capacity(1).open();
        let sender = thread::spawn(move || {
            let sent = (0..2).filter(|n| tx.send_until(*n, PAST).is_ok()).count();
            (sent, tx.flush_until(PAST))
        });
        let put_out = |_: &mut Vec<u32>| Ok::<(), Infallible>(());
        let report = relay.run(put_out, |_| Verdict::Drop);
        let (sent, flushed) = sender.join().unwrap();
        assert!(matches!(flushed, Ok(()) | Err(FlushError::TimedOut)));
        assert_eq!((report.end, report.values as usize), (End::Closed, sent));
    });
}

#[cfg(shuttle)]
#[test]
fn what_a_canceled_relay_has_is_in_its_report() {
    check("relay, cancellation", 2, || {
        let (tx, relay) = Options::new(2).capacity(1).open();
        let unit = current::unit();
        let sender = thread::spawn(move || {
            let sent = (0..3).filter(|n| tx.send(*n).is_ok()).count();
            unit.cancel();
            sent
        });
        let put_out = |_: &mut Vec<u32>| Ok::<(), Infallible>(());
        let report = relay.run(put_out, |_| Verdict::Drop);
        let sent = sender.join().unwrap();
        assert_eq!(report.values as usize + report.rest.len(), sent);
    });
}
