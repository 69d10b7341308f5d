//! Closing wakes whoever waits, and loses nothing.

use crate::check::check;
use vitte_channels::{
    Channel, Kind, Receiver, RecvError, SendError, Sender, broadcast, mpmc, queue, spsc, watch,
};
use vitte_wait::facade::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

/// One producer sends until it is refused, while the channel is closed from the other end. He finds it
/// full, if it can be.
fn close_while_sending<K: Kind>((tx, rx): (Sender<Box<u32>, K>, Receiver<Box<u32>, K>)) {
    let producer = thread::spawn(move || {
        let values = tx.capacity().map_or(2, |capacity| capacity as u32 + 1);
        let mut sent = 0;
        while sent < values {
            match tx.send(Box::new(sent)) {
                Ok(()) => sent += 1,
                Err(error) => {
                    assert!(matches!(error, SendError::Closed(_)));
                    assert_eq!(*error.into_inner(), sent);
                    break;
                }
            }
        }
        sent
    });
    rx.close();
    let received = rx.iter().count();
    assert_eq!(producer.join().unwrap() as usize, received);
}

/// Both ends, as C has them: whoever holds the channel may close it.
struct Pair(spsc::Sender<Box<u32>>, spsc::Receiver<Box<u32>>);

// SAFETY: one thread sends, one receives, and any may close, which asks for no end of one's own.
unsafe impl Sync for Pair {}

/// A third one closes while a value is sent and received: one of the two has it. (It is shuttle that finds the schedule in
/// which both had it; loom passes it over.)
fn close_from_outside((tx, rx): (spsc::Sender<Box<u32>>, spsc::Receiver<Box<u32>>)) {
    let pair = Arc::new(Pair(tx, rx));
    let (sends, closes) = (pair.clone(), pair.clone());
    let producer = thread::spawn(move || {
        let Pair(tx, _) = &*sends;
        tx.try_send(Box::new(1)).is_ok()
    });
    let closer = thread::spawn(move || {
        let Pair(tx, _) = &*closes;
        tx.close();
    });
    let Pair(_, rx) = &*pair;
    let mut received = rx.try_recv().is_ok();
    let sent = producer.join().unwrap();
    closer.join().unwrap();
    received |= rx.try_recv().is_ok();
    assert_eq!(received, sent);
}

/// The last sender goes while the receiver waits, or is about to.
fn go_while_receiving<K: Kind>((tx, rx): (Sender<u8, K>, Receiver<u8, K>)) {
    let sender = thread::spawn(move || drop(tx));
    assert_eq!(rx.recv(), Err(RecvError::Closed));
    sender.join().unwrap();
}

/// The receiver goes while a producer sends; every value is dropped, by whomever.
fn drop_while_sending<K: Kind>(
    channel: (Sender<Counted, K>, Receiver<Counted, K>),
    dropped: Arc<AtomicUsize>,
) {
    let (tx, rx) = channel;
    let values = dropped.clone();
    let producer = thread::spawn(move || {
        for _ in 0..2 {
            let _ = tx.send(Counted(values.clone()));
        }
        // The sender alone keeps no value alive.
        tx
    });
    drop(rx);
    let tx = producer.join().unwrap();
    assert_eq!(dropped.load(Relaxed), 2);
    drop(tx);
    assert_eq!(dropped.load(Relaxed), 2);
}

/// Both consumers wait, or are about to, when the last sender goes.
fn go_while_two_receive((tx, rx): (mpmc::Sender<u8>, mpmc::Receiver<u8>)) {
    let other = rx.clone();
    let other = thread::spawn(move || other.recv());
    let sender = thread::spawn(move || drop(tx));
    assert_eq!(rx.recv(), Err(RecvError::Closed));
    assert_eq!(other.join().unwrap(), Err(RecvError::Closed));
    sender.join().unwrap();
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn closing_a_ring_returns_or_delivers_every_value() {
    check("bounded(1), close", 2, || {
        close_while_sending(Channel::bounded(1));
    });
    check("bounded(2), close", 2, || {
        close_while_sending(Channel::bounded(2));
    });
}

#[test]
fn closing_a_rendezvous_returns_every_value() {
    check("rendezvous, close", 3, || {
        close_while_sending(Channel::bounded(0));
    });
}

#[test]
fn closing_an_unbounded_channel_returns_or_delivers_every_value() {
    check(
        "unbounded, close",
        2,
        || close_while_sending(Channel::new()),
    );
}

#[test]
fn closing_blocks_for_many_returns_or_delivers_every_value() {
    check("unbounded for many, close", 2, || {
        close_while_sending(mpmc::unbounded());
    });
}

#[test]
fn closing_a_pair_returns_or_delivers_every_value() {
    check("spsc(2), close", 2, || {
        close_while_sending(spsc::channel(2));
    });
}

#[test]
fn a_pair_closed_by_neither_end_has_no_value_at_both() {
    check("spsc(2), close from outside", 3, || {
        close_from_outside(spsc::channel(2));
    });
}

#[test]
fn the_last_sender_s_end_wakes_every_receiver() {
    check("bounded(1), last sender, 2 consumers", 1, || {
        go_while_two_receive(mpmc::bounded(1));
    });
    check("bounded(2), last sender, 2 consumers", 1, || {
        go_while_two_receive(mpmc::bounded(2));
    });
    check("rendezvous, last sender, 2 consumers", 1, || {
        go_while_two_receive(mpmc::rendezvous());
    });
    check("unbounded, last sender, 2 consumers", 1, || {
        go_while_two_receive(mpmc::unbounded());
    });
}

#[test]
fn the_last_sender_s_end_wakes_the_receiver() {
    check("bounded(1), last sender", 3, || {
        go_while_receiving(Channel::bounded(1));
    });
    check("bounded(2), last sender", 3, || {
        go_while_receiving(Channel::bounded(2));
    });
    check("rendezvous, last sender", 3, || {
        go_while_receiving(Channel::bounded(0));
    });
    check("unbounded, last sender", 3, || {
        go_while_receiving(Channel::new());
    });
    check("spsc(2), last sender", 3, || {
        go_while_receiving(spsc::channel(2));
    });
}

#[test]
fn the_receiver_s_end_drops_what_is_inside() {
    check("bounded(1), receiver's end", 2, || {
        drop_while_sending(Channel::bounded(1), Arc::default());
    });
    check("bounded(2), receiver's end", 2, || {
        drop_while_sending(Channel::bounded(2), Arc::default());
    });
    check("rendezvous, receiver's end", 2, || {
        drop_while_sending(Channel::bounded(0), Arc::default());
    });
    check("unbounded, receiver's end", 2, || {
        drop_while_sending(Channel::new(), Arc::default());
    });
    check("unbounded for many, receiver's end", 2, || {
        drop_while_sending(mpmc::unbounded(), Arc::default());
    });
    check("spsc(2), receiver's end", 2, || {
        drop_while_sending(spsc::channel(2), Arc::default());
    });
}

#[test]
fn a_sender_that_waits_for_the_end_hears_of_it() {
    macro_rules! closed_while_going {
        ($($name:literal: $ends:expr;)*) => {$(
            check($name, 3, || {
                let (tx, rx) = $ends;
                let receiver = thread::spawn(move || drop(rx));
                assert_eq!(tx.closed(), Ok(()));
                receiver.join().unwrap();
            });
        )*};
    }
    closed_while_going! {
        "bounded(1), wait for the end": Channel::bounded::<u8>(1);
        "unbounded, wait for the end": Channel::new::<u8>();
        "queue, wait for the end": queue::bounded::<u8>(1);
        "broadcast, wait for the end": broadcast::channel::<u8>(1);
        "watch, wait for the end": watch::channel(1);
    }
}
