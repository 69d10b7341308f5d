//! What the fences of a pair's ring are for: its waiting flag, in small, with and without them.
//!
//! The flawed one must fail. If it passes, the checker cannot see a store that is late, and what it
//! says of the ring is worth nothing.

use crate::check::check;
use vitte_wait::facade::{
    Arc,
    atomic::{AtomicU32, Ordering::*, fence},
    thread,
};

/// A producer stores its position and then asks for the flag; a consumer raises its flag and then
/// looks at the position. Whether neither saw the other, so that the consumer would sleep for ever.
fn sleeps_for_ever(ends: fn()) {
    let position = Arc::new(AtomicU32::new(0));
    let waits = Arc::new(AtomicU32::new(0));
    let producer = {
        let (position, waits) = (position.clone(), waits.clone());
        thread::spawn(move || {
            // Ordering: as in the ring. Partner: the Acquire below.
            position.store(1, Release);
            ends();
            waits.load(Relaxed) != 0
        })
    };
    // Ordering: as in the ring.
    waits.store(1, Release);
    // Ordering: SeqCst, the waiter's half of the pair.
    fence(SeqCst);
    let saw_nothing = position.load(Acquire) == 0;
    let was_seen = producer.join().unwrap();
    assert!(!saw_nothing || was_seen, "the consumer sleeps for ever");
}

// Shuttle runs one order of all operations, and so cannot see this.
#[cfg(loom)]
#[test]
#[should_panic(expected = "the consumer sleeps for ever")]
fn without_the_producer_s_fence_a_consumer_is_forgotten() {
    check("flawed: a flag without the producer's fence", 3, || {
        sleeps_for_ever(|| {});
    });
}

#[test]
fn with_both_fences_it_is_not() {
    check("a flag with both fences", 3, || {
        sleeps_for_ever(vitte_wait::fence::light);
    });
}
