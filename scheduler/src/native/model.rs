//! Models of a place that is taken while its worker comes back: afterwards as many work as should.

use super::{Region, needed};
use crate::check::check;
use vitte_wait::facade::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

/// A scheduler of one worker, as far as places go: who works is decided under the lock.
struct Crew {
    region: Region,
    active: Mutex<usize>,
    taken: AtomicUsize,
}

impl Crew {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            region: Region::new(),
            active: Mutex::new(1),
            taken: AtomicUsize::new(0),
        })
    }

    fn adjust(&self, active: &mut usize) {
        *active = needed([&self.region].into_iter(), 1, 8);
    }

    /// The worker's time inside.
    fn call(&self, leave: impl Fn(&Region) -> bool) {
        if !self.region.enter() {
            self.come_back();
            assert!(self.region.enter());
        }
        thread::yield_now();
        if !leave(&self.region) {
            self.come_back();
        }
    }

    fn come_back(&self) {
        let mut active = self.active.lock();
        if self.region.come_back() {
            self.adjust(&mut active);
        }
    }

    /// The pacer's look. With `refuse` no thread can be had.
    fn look(&self, refuse: bool) {
        let Some(seen) = self.region.inside() else {
            return;
        };
        thread::yield_now();
        let mut active = self.active.lock();
        if self.region.take(seen) {
            self.taken.fetch_add(1, Relaxed);
            if refuse {
                self.region.give_back();
            }
            self.adjust(&mut active);
        }
    }
}

fn run(name: &str, refuse: bool, leave: fn(&Region) -> bool) {
    check(name, 4, move || {
        let crew = Crew::new();
        let its = Arc::clone(&crew);
        let pacer = thread::spawn(move || {
            its.look(refuse);
            its.look(false);
        });
        crew.call(leave);
        crew.call(leave);
        pacer.join().unwrap();
        assert!(!crew.region.is_taken(), "somebody works who should not");
        assert_eq!(*crew.active.lock(), 1, "somebody works who should not");
        // Who is outside has nothing to lose.
        crew.look(false);
        assert!(crew.taken.load(Relaxed) <= 2);
        assert_eq!(*crew.active.lock(), 1);
    });
}

#[test]
fn a_place_is_had_again_by_who_comes_back() {
    run("native: taken", false, Region::leave);
}

#[test]
fn a_place_that_nobody_could_be_had_for_is_given_back() {
    run("native: refused", true, Region::leave);
}

/// The flawed variant: who leaves by a store and looks no more does not learn that his place was taken.
#[test]
#[should_panic(expected = "somebody works who should not")]
fn leaving_by_a_store_is_caught() {
    run("native: store", false, |region| {
        let word = region.word.load(Relaxed);
        region.word.store(word & !super::INSIDE, Relaxed);
        true
    });
}
