//! Stacks and their pool: limits, reuse, guards, and memory that goes back.

mod common;

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{bounded, here, pool, readable, resident_pages};
use vitte_fibers::{
    Fiber, GuardChoice, GuardKind, Stack, StackClass, StackError, StackOptions, StackPool,
};

/// Writes to the `pages` topmost pages of a stack.
fn touch(stack: &Stack, pages: usize) {
    for page in 0..pages {
        let at = std::ptr::with_exposed_provenance_mut::<u8>(stack.base() - 1 - page * 4096);
        // SAFETY: within a stack this test owns and nobody runs on.
        unsafe { at.write_volatile(1) };
    }
}

#[test]
fn smoke() {
    let pool = pool();
    let stack = pool.take(StackClass::DEFAULT).unwrap();
    touch(&stack, 15);
    assert!(!readable(stack.guard().start) && !readable(stack.guard().end - 1));
    assert!(readable(stack.limit()));
    assert_eq!(pool.stats().in_use, 1);
    drop(stack);
    assert_eq!(pool.stats().in_use, 0);
}

#[test]
fn every_class_can_be_taken_used_to_its_limit_and_given_back() {
    let pool = pool();
    for class in (0..StackClass::COUNT).filter_map(StackClass::from_index) {
        let stack = pool.take(class).unwrap();
        touch(&stack, 1);
        let low = std::ptr::with_exposed_provenance_mut::<u8>(stack.limit());
        // SAFETY: the lowest usable byte of a stack this test owns.
        unsafe { low.write_volatile(1) };
        assert!(!readable(stack.limit() - 1));
    }
    assert_eq!(pool.stats().in_use, 0);
}

#[test]
fn the_limit_on_stacks_is_exact_and_named() {
    let pool = StackPool::new(StackOptions {
        max_stacks: Some(2),
        ..StackOptions::default()
    });
    let first = pool.take(StackClass::DEFAULT).unwrap();
    let _second = pool.take(StackClass::SMALLEST).unwrap();
    let error = pool.take(StackClass::DEFAULT).unwrap_err();
    assert_eq!(error, StackError::Limit { limit: 2 });
    assert!(error.to_string().contains("max_stacks"));
    drop(first);
    pool.take(StackClass::DEFAULT).unwrap();
}

#[test]
fn the_stack_given_back_last_is_reused_first() {
    let pool = pool();
    let stacks: Vec<_> = (0..3)
        .map(|_| pool.take(StackClass::DEFAULT).unwrap())
        .collect();
    let limits: Vec<_> = stacks.iter().map(Stack::limit).collect();
    for stack in stacks {
        touch(&stack, 1);
        drop(stack);
    }
    assert_eq!(pool.stats().warm, 3);
    let again: Vec<_> = (0..3)
        .map(|_| pool.take(StackClass::DEFAULT).unwrap())
        .collect();
    let order: Vec<_> = again.iter().map(Stack::limit).rev().collect();
    assert_eq!(order, limits);
}

#[test]
fn a_warm_stack_is_taken_before_a_cold_one() {
    let pool = StackPool::new(StackOptions {
        warm_bytes: 4096,
        ..StackOptions::default()
    });
    let warm = pool.take(StackClass::DEFAULT).unwrap();
    let cold = pool.take(StackClass::DEFAULT).unwrap();
    let limit = warm.limit();
    touch(&warm, 1);
    touch(&cold, 1);
    drop(warm);
    drop(cold);
    let stats = pool.stats();
    assert_eq!((stats.warm, stats.cold), (1, 1));
    assert_eq!(pool.take(StackClass::DEFAULT).unwrap().limit(), limit);
}

#[test]
fn a_stack_given_back_beyond_the_warm_limit_gives_its_pages_back() {
    let pool = StackPool::new(StackOptions {
        warm_bytes: 0,
        ..StackOptions::default()
    });
    let stack = pool.take(StackClass::DEFAULT).unwrap();
    let (low, high) = (stack.limit(), stack.base());
    touch(&stack, 10);
    assert_eq!(resident_pages(low, high), 10);
    drop(stack);
    assert_eq!(resident_pages(low, high), 0);
    assert_eq!(pool.stats().cold, 1);
}

#[test]
fn trimming_leaves_a_warm_stack_its_top_page_and_its_guard() {
    let pool = pool();
    let stack = pool.take(StackClass::DEFAULT).unwrap();
    let (low, high) = (stack.limit(), stack.base());
    touch(&stack, 10);
    drop(stack);
    assert_eq!(resident_pages(low, high), 10);
    assert_eq!(pool.stats().warm_bytes, 10 * 4096);

    pool.trim();
    assert_eq!(resident_pages(low, high), 1);
    let stats = pool.stats();
    assert_eq!((stats.warm, stats.warm_bytes), (1, 4096));
    assert!(!readable(low - 1));

    pool.trim_to(0);
    assert_eq!(resident_pages(low, high), 0);
    let stats = pool.stats();
    assert_eq!((stats.warm, stats.cold, stats.warm_bytes), (0, 1, 0));
    assert!(!readable(low - 1));
}

#[test]
fn trimming_keeps_the_youngest_and_their_order() {
    let pool = pool();
    let stacks: Vec<_> = (0..200)
        .map(|_| pool.take(StackClass::DEFAULT).unwrap())
        .collect();
    let limits: Vec<_> = stacks.iter().map(Stack::limit).collect();
    // Made for whoever might have come next.
    let ready = pool.stats().warm;
    for stack in stacks {
        touch(&stack, 2);
        drop(stack);
    }
    pool.trim_to(150 * 4096);
    let stats = pool.stats();
    assert_eq!(
        (stats.warm, stats.cold, stats.warm_bytes),
        (150, 50 + ready, 150 * 4096)
    );
    let again: Vec<_> = (0..150)
        .map(|_| pool.take(StackClass::DEFAULT).unwrap())
        .collect();
    let order: Vec<_> = again.iter().map(Stack::limit).rev().collect();
    assert_eq!(order, limits[50..]);
    assert_eq!(pool.stats().warm_bytes, 0);
}

#[test]
fn a_large_stack_keeps_only_its_top_when_given_back() {
    let pool = pool();
    let class = StackClass::for_size(8 << 20).unwrap();
    let stack = pool.take(class).unwrap();
    let (low, high) = (stack.limit(), stack.base());
    touch(&stack, 1024);
    drop(stack);
    assert_eq!(resident_pages(low, high), 256);
}

#[test]
fn a_stack_outlives_the_handles_of_its_pool() {
    let stack = pool().take(StackClass::DEFAULT).unwrap();
    touch(&stack, 2);
    assert_eq!(stack.pool().stats().in_use, 1);
}

#[test]
fn guards_by_mprotect_work_and_survive_reuse() {
    let pool = StackPool::new(StackOptions {
        guard: GuardChoice::Protect,
        ..StackOptions::default()
    });
    for _ in 0..3 {
        let stacks: Vec<_> = (0..20)
            .map(|_| pool.take(StackClass::DEFAULT).unwrap())
            .collect();
        for stack in &stacks {
            touch(stack, 3);
            assert!(!readable(stack.limit() - 1));
            assert!(readable(stack.limit()));
        }
        drop(stacks);
        pool.trim_to(0);
    }
    assert_eq!(pool.stats().guard, GuardKind::Protect);
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps")
        .unwrap()
        .lines()
        .count()
}

/// Takes `count` of the smallest stacks and says how many mappings that added.
fn mappings_of(pool: &StackPool, count: usize) -> usize {
    let before = mappings();
    let stacks: Vec<_> = (0..count)
        .map(|_| pool.take(StackClass::SMALLEST).unwrap())
        .collect();
    let after = mappings();
    assert!(!readable(stacks[count / 2].limit() - 1));
    after.saturating_sub(before)
}

#[test]
fn a_hundred_thousand_guarded_stacks_need_few_mappings() {
    let pool = pool();
    if pool.stats().guard != GuardKind::Install {
        eprintln!("skipped: this kernel has no MADV_GUARD_INSTALL");
        return;
    }
    // Other tests of this binary map and unmap at the same time, some hundred at most.
    let added = mappings_of(&pool, 100_000);
    assert!(added < 1000, "{added} mappings for 100,000 stacks");
}

#[test]
#[ignore = "takes some seconds and 16 GiB of address space"]
fn a_million_guarded_stacks_need_few_mappings() {
    let added = mappings_of(&pool(), 1_000_000);
    println!("{added} mappings for 1,000,000 stacks");
    assert!(added < 1000);
}

#[test]
fn a_crowd_finds_stacks_ready_that_have_guards_and_go_cold_when_trimmed() {
    let pool = pool();
    if pool.stats().guard != GuardKind::Install {
        return;
    }
    // Whoever has few has none in vain.
    let mut stacks: Vec<_> = (0..15)
        .map(|_| pool.take(StackClass::DEFAULT).unwrap())
        .collect();
    assert_eq!((pool.stats().warm, pool.stats().cold), (0, 0));
    stacks.extend((0..200).map(|_| pool.take(StackClass::DEFAULT).unwrap()));
    let ready = pool.stats().warm;
    assert!(ready < 32, "{ready} are ready");
    for stack in &stacks {
        assert!(!readable(stack.guard().start) && !readable(stack.guard().end - 1));
        assert!(readable(stack.limit()));
        touch(stack, 1);
    }
    let mut limits: Vec<_> = stacks.iter().map(Stack::limit).collect();
    limits.sort_unstable();
    limits.dedup();
    assert_eq!(limits.len(), 215, "two have the same slot");
    drop(stacks);
    pool.trim_to(0);
    let stats = pool.stats();
    assert_eq!((stats.warm, stats.warm_bytes), (0, 0));
    assert_eq!(stats.cold, 215 + ready);
    // They have their guards still, and no pages until they are taken, a few at once.
    let again = pool.take(StackClass::DEFAULT).unwrap();
    assert!(!readable(again.guard().start));
    assert!(readable(again.limit()));
    assert!(pool.stats().warm < 32);
}

#[test]
fn threads_share_a_pool() {
    const THREADS: usize = 4;
    const HELD: usize = 20;
    const WARM: usize = 64;
    // What one call makes ready, or empties: see `StackOptions::warm_bytes`.
    const BATCH: usize = WARM / 16;
    // What a thread has in hand is not there for others: all that are warm, when it trims, and what each has made ready; and what
    // is to be emptied.
    const IN_HAND: usize = WARM + THREADS * (THREADS + 1) * BATCH;
    bounded(|| {
        let pool = StackPool::new(StackOptions {
            warm_bytes: WARM * 4096,
            ..StackOptions::default()
        });
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let mut held = Vec::new();
                    for turn in 0..500 {
                        let stack = pool.take(StackClass::DEFAULT).unwrap();
                        touch(&stack, 1 + turn % 3);
                        held.push(stack);
                        if held.len() == HELD {
                            held.clear();
                        }
                        if turn % 100 == 0 {
                            pool.trim();
                        }
                    }
                });
            }
        });
        let stats = pool.stats();
        assert_eq!(stats.in_use, 0);
        // Stacks are used again: of 2,000 taken no more were made than are held at once while others are in hand.
        let made = stats.warm + stats.cold;
        assert!(made <= THREADS * HELD + IN_HAND, "{stats:?}");
        pool.trim_to(0);
        assert_eq!(pool.stats().warm_bytes, 0);
    });
}

/// Set in the children this test binary starts of itself.
const CHILD: &str = "VITTE_FIBERS_TEST_CHILD";
const NEIGHBOUR_INTACT: i32 = 42;
const NEIGHBOUR_BROKEN: i32 = 43;
const NOT_THE_GUARD: i32 = 44;

static GUARD: AtomicUsize = AtomicUsize::new(0);
static NEIGHBOUR: AtomicUsize = AtomicUsize::new(0);

#[inline(never)]
fn overflow(depth: usize) -> usize {
    let frame = std::hint::black_box([depth; 32]);
    if frame[0] == usize::MAX {
        return 0;
    }
    overflow(depth + 1) + std::hint::black_box(frame)[1]
}

fn overflowing_fiber(stack: Stack) {
    let mut fiber = Fiber::new(stack, |_| {
        overflow(0);
    });
    let _ = fiber.resume(&here());
}

fn child(test: &str) -> std::process::ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap()
        .status
}

#[test]
fn an_overflow_is_a_fault() {
    use std::os::unix::process::ExitStatusExt;
    if std::env::var_os(CHILD).is_some() {
        overflowing_fiber(pool().take(StackClass::DEFAULT).unwrap());
        return;
    }
    let status = child("an_overflow_is_a_fault");
    assert_eq!(status.signal(), Some(libc::SIGSEGV), "{status:?}");
}

extern "C" fn inspect(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid record for this signal.
    let at = unsafe { (*info).si_addr() }.addr();
    let guard = GUARD.load(Ordering::Relaxed);
    let code = if at < guard || at >= guard + 4096 {
        NOT_THE_GUARD
    } else {
        let (low, bytes) = (NEIGHBOUR.load(Ordering::Relaxed), 60 * 1024 - 960);
        let intact = (low..low + bytes).all(|at| {
            // SAFETY: within the neighbour's stack, which this process owns.
            unsafe { std::ptr::with_exposed_provenance::<u8>(at).read() == 0xA5 }
        });
        if intact {
            NEIGHBOUR_INTACT
        } else {
            NEIGHBOUR_BROKEN
        }
    };
    // SAFETY: ends the process at once, as a handler may.
    unsafe { libc::_exit(code) };
}

/// Part of V13.
#[test]
fn an_overflow_hits_the_guard_and_leaves_the_neighbour_intact() {
    if std::env::var_os(CHILD).is_some() {
        let pool = pool();
        let below = pool.take(StackClass::DEFAULT).unwrap();
        let above = pool.take(StackClass::DEFAULT).unwrap();
        assert_eq!(
            below.limit() + 64 * 1024,
            above.limit(),
            "they are neighbours"
        );
        // SAFETY: the usable part of a stack this process owns.
        unsafe {
            std::ptr::with_exposed_provenance_mut::<u8>(below.limit())
                .write_bytes(0xA5, below.base() - below.limit());
        }
        NEIGHBOUR.store(below.limit(), Ordering::Relaxed);
        GUARD.store(above.guard().start, Ordering::Relaxed);
        // The thread has an alternate signal stack: the standard library gives one to every thread it starts.
        // SAFETY: an all-zero record is a valid start.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = inspect as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: the handler only reads memory and ends the process.
        unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut()) };
        overflowing_fiber(above);
        return;
    }
    let status = child("an_overflow_hits_the_guard_and_leaves_the_neighbour_intact");
    assert_eq!(status.code(), Some(NEIGHBOUR_INTACT), "{status:?}");
}
