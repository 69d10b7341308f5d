//! `thread_spsc_try`: one native thread sends to another through a channel that holds 128, and neither ever waits.
//!
//! Both ends try until they succeed. That is all a ring can do, and what a channel that can wait costs while it need
//! not.

use std::hint;
use std::thread;

use super::thread_fan_in::pass;
use super::{Cell, Subject, Workload};

const MOST: u64 = 1 << 27;
const CAPACITY: usize = 128;

/// What is full or empty is tried this often before the thread gives way, so that one core is enough.
const SPINS: u32 = 1 << 14;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "thread_spsc_try".to_owned(),
        unit: "ns",
        workers: &[2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("rtrb", rtrb),
            Subject::new("crossbeam-channel", crossbeam),
            Subject::new("kanal", kanal),
        ],
    }]
}

fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    loop {
        for _ in 0..SPINS {
            if let Some(done) = attempt() {
                return done;
            }
            hint::spin_loop();
        }
        thread::yield_now();
    }
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::spsc::{Receiver, Sender, channel};

    cell.paced(MOST, |count| {
        let (sender, receiver) = channel(CAPACITY);
        let send = |sender: &mut Sender<u64>, message| until(|| sender.try_send(message).ok());
        let recv = |receiver: &mut Receiver<u64>| until(|| receiver.try_recv().ok());
        pass(count, vec![sender], receiver, send, recv)
    })
}

fn rtrb(cell: &Cell) -> f64 {
    use rtrb::{Consumer, Producer, RingBuffer};

    cell.paced(MOST, |count| {
        let (producer, consumer) = RingBuffer::new(CAPACITY);
        let send = |producer: &mut Producer<u64>, message| until(|| producer.push(message).ok());
        let recv = |consumer: &mut Consumer<u64>| until(|| consumer.pop().ok());
        pass(count, vec![producer], consumer, send, recv)
    })
}

fn crossbeam(cell: &Cell) -> f64 {
    use crossbeam_channel::{Receiver, Sender, bounded};

    cell.paced(MOST, |count| {
        let (sender, receiver) = bounded(CAPACITY);
        let send = |sender: &mut Sender<u64>, message| until(|| sender.try_send(message).ok());
        let recv = |receiver: &mut Receiver<u64>| until(|| receiver.try_recv().ok());
        pass(count, vec![sender], receiver, send, recv)
    })
}

fn kanal(cell: &Cell) -> f64 {
    use kanal::{Receiver, Sender, bounded};

    cell.paced(MOST, |count| {
        let (sender, receiver) = bounded(CAPACITY);
        let send = |sender: &mut Sender<u64>, message| {
            until(|| {
                let sent = sender.try_send(message).expect("the receiver stays");
                sent.then_some(())
            });
        };
        let recv = |receiver: &mut Receiver<u64>| {
            // A channel that is closed and empty is an error, which must not be tried for ever.
            until(|| receiver.try_recv().expect("the sender stays"))
        };
        pass(count, vec![sender], receiver, send, recv)
    })
}
