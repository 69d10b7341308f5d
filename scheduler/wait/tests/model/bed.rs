//! A thread that looks out for something itself, in a bed of its arm's, misses neither that nor what others wake it for.

use crate::check::check;
use std::{ptr, sync::Arc as StdArc};
use vitte_wait::{
    Bed, Deadline, Lookout, Node, Reason, StopSource,
    facade::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::*},
        thread,
    },
    select::{Arm, select},
};

/// What stands for a descriptor and for `poll`: whoever makes it ready wakes the sleeper, as the system would.
#[derive(Debug, Default)]
struct Place {
    ready: AtomicBool,
    sleeper: Mutex<Option<thread::Thread>>,
}

impl Place {
    fn set(&self, flag: &AtomicBool) {
        flag.store(true, SeqCst);
        let sleeper = self.sleeper.lock().take();
        if let Some(sleeper) = sleeper {
            sleeper.unpark();
        }
    }
}

#[derive(Debug)]
struct Cot {
    place: Arc<Place>,
    struck: AtomicBool,
}

impl Bed for Cot {
    fn sleep(&self, what: &[u64], _: Deadline) -> bool {
        loop {
            *self.place.sleeper.lock() = Some(thread::current());
            let seen = !what.is_empty() && self.place.ready.load(SeqCst);
            if seen || self.struck.load(SeqCst) {
                return seen;
            }
            thread::park();
        }
    }

    fn strike(&self) {
        self.place.set(&self.struck);
    }
}

struct ReadyArm(Arc<Place>);

// SAFETY: the node is put nowhere, and nothing is lent. That it is ready the selector sees in its bed.
unsafe impl Arm for ReadyArm {
    fn attempt(&mut self) -> bool {
        self.0.ready.load(SeqCst)
    }

    fn reason(&self) -> Reason {
        Reason::Readable
    }

    fn object(&self) -> *const () {
        ptr::null()
    }

    unsafe fn enlist(&self, _: &Node) -> bool {
        true
    }

    unsafe fn delist(&self, _: &Node) {}

    fn look_out(&self, lookout: &mut Lookout) {
        let cot = || Cot {
            place: self.0.clone(),
            struck: AtomicBool::new(false),
        };
        let made = lookout.add(0, || Ok(StdArc::new(cot())));
        made.unwrap();
    }
}

fn parts() -> (Arc<Place>, ReadyArm, StopSource) {
    let place = Arc::new(Place::default());
    (place.clone(), ReadyArm(place), StopSource::new())
}

#[test]
fn a_waker_finds_the_bed_or_the_thread_does_not_sleep_in_it() {
    check("strike", 3, || {
        let (_place, mut ready, source) = parts();
        let token = source.token();
        let waker = thread::spawn(move || source.stop());
        let mut stop = token.stop_arm();
        assert_eq!(
            select(&mut [&mut ready, &mut stop], Deadline::NEVER, None),
            Ok(1)
        );
        waker.join().unwrap();
    });
}

#[test]
fn what_is_seen_and_what_wakes_may_come_at_once() {
    check("strike and look", 2, || {
        let (place, mut ready, source) = parts();
        let token = source.token();
        let waker = thread::spawn(move || source.stop());
        let maker = thread::spawn(move || place.set(&place.ready));
        let mut stop = token.stop_arm();
        let mut again = select(&mut [&mut ready, &mut stop], Deadline::NEVER, None).unwrap();
        // The other comes, too, and a late stroke for the first wait is none for the second.
        again += match again {
            0 => select(&mut [&mut stop], Deadline::NEVER, None).unwrap() + 1,
            _ => select(&mut [&mut ready], Deadline::NEVER, None).unwrap(),
        };
        assert_eq!(again, 1);
        waker.join().unwrap();
        maker.join().unwrap();
    });
}
