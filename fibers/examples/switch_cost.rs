//! Prints what a pair of resume and suspend costs, and what a fiber costs from stack to end.

use std::hint::black_box;
use std::time::Instant;

use vitte_fibers::{Fiber, Resumed, Resumer, Stack, StackClass, StackOptions, StackPool};

const PAIRS: u32 = 20_000_000;
const FIBERS: u32 = 10_000;

fn main() {
    let pool = StackPool::new(StackOptions::default());
    let here = Resumer::new(std::ptr::null());
    println!("C++ exception globals kept: {}", here.keeps_cxx());

    let stack = pool.take(StackClass::DEFAULT).expect("one stack");
    let mut fiber = Fiber::new(stack, |me| while me.suspend().is_ok() {});
    for _ in 0..3 {
        let start = Instant::now();
        for _ in 0..PAIRS {
            let _ = black_box(fiber.resume(&here));
        }
        let each = start.elapsed().as_secs_f64() * 1e9 / f64::from(PAIRS);
        println!("resume + suspend: {each:.2} ns");
    }

    for round in ["new", "reused"] {
        let start = Instant::now();
        let stacks: Vec<Stack> = (0..FIBERS)
            .map(|_| pool.take(StackClass::DEFAULT).expect("a stack"))
            .collect();
        print(round, "take", start);
        let start = Instant::now();
        let mut fibers: Vec<Fiber> = stacks
            .into_iter()
            .map(|stack| {
                Fiber::new(stack, |me| {
                    let _ = me.suspend();
                })
            })
            .collect();
        print(round, "make", start);
        let start = Instant::now();
        for fiber in &mut fibers {
            assert!(matches!(fiber.resume(&here), Resumed::Suspended));
        }
        print(round, "first resume", start);
        let start = Instant::now();
        for fiber in &mut fibers {
            assert!(matches!(fiber.resume(&here), Resumed::Returned));
        }
        print(round, "last resume", start);
        let start = Instant::now();
        drop(fibers);
        print(round, "give back", start);
    }
    println!("{:?}", pool.stats());
    let start = Instant::now();
    pool.trim();
    println!("trim: {:?}, then {:?}", start.elapsed(), pool.stats());
}

fn print(round: &str, what: &str, start: Instant) {
    let each = start.elapsed().as_secs_f64() * 1e9 / f64::from(FIBERS);
    println!("{round} stacks, {what}: {each:.0} ns each");
}
