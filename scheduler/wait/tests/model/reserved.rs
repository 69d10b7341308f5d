//! A short lock that is reserved for one thread: one at a time holds it all the same.

use crate::check::check;
use vitte_wait::{
    ShortLock,
    facade::{Arc, thread},
};

#[test]
fn a_reservation_is_canceled_by_whoever_else_takes_the_lock() {
    check("a reserved lock", 3, || {
        let lock = Arc::new(ShortLock::reserved(0));
        let other = {
            let lock = lock.clone();
            thread::spawn(move || *lock.lock() += 1)
        };
        *lock.lock() += 1;
        *lock.lock() += 1;
        other.join().unwrap();
        assert_eq!(*lock.lock(), 3);
    });
}

#[test]
fn two_others_come_at_once() {
    check("a reserved lock and two others", 2, || {
        let lock = Arc::new(ShortLock::reserved(0));
        let others = [(); 2].map(|()| {
            let lock = lock.clone();
            thread::spawn(move || *lock.lock() += 1)
        });
        *lock.lock() += 1;
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(*lock.lock(), 3);
    });
}
