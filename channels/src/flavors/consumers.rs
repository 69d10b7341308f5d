//! The receivers' half of the unbounded flavor, for one consumer and for many.
//!
//! One consumer owns its position, so receiving takes no read-modify-write, and a block is free once
//! its last slot was read. Many of them compete for positions by compare-and-swap, and the last to
//! be done with a block frees it: that is crossbeam-channel's list flavor, too.

use super::{
    block::{Block, SLOTS},
    unbounded::{CLOSED, FLAGS, LAP, LINKING, ONE, Unbounded, slot_of},
};
use crate::{error::TryRecvError, spin::Spin};
use std::ptr;
use vitte_wait::facade::atomic::Ordering::*;

/// Who receives.
pub(crate) trait Consumers: Sized {
    /// # Safety
    /// As the implementation says.
    unsafe fn try_recv<T>(list: &Unbounded<T, Self>) -> Result<T, TryRecvError>;
}

/// One at a time.
pub(crate) enum OneConsumer {}

/// Any number.
pub(crate) enum AnyConsumers {}

/// In `head`, with many consumers: the tail is in a later block, so there is a value here.
const MORE: usize = 1;

/// Nothing is at the position where `tail` stands.
fn nothing(tail: usize) -> TryRecvError {
    if tail & CLOSED != 0 {
        TryRecvError::Closed
    } else {
        TryRecvError::Empty
    }
}

impl Consumers for OneConsumer {
    /// # Safety
    /// The caller is the only consumer at this moment.
    #[inline]
    unsafe fn try_recv<T>(list: &Unbounded<T, Self>) -> Result<T, TryRecvError> {
        let mut spin = Spin::new();
        let position = list.head.position.load(Relaxed);
        let slot = slot_of(position);
        let block = loop {
            // Ordering: Acquire. Partner: the Release in `install_first`. (Later blocks the
            // consumer stores itself.)
            let block = list.head.block.load(Acquire);
            // SAFETY: a block is alive until the consumer, who calls, retires it.
            if let Some(block) = unsafe { block.as_ref() }
                && block.is_written(slot)
            {
                break block;
            }
            // Ordering: Acquire. Partner: the AcqRel in `reserve` and in `close`; what our
            // caller knows to be sent is reserved for us too.
            let tail = list.tail.position.load(Acquire);
            if tail & !FLAGS == position {
                return Err(nothing(tail));
            }
            spin.unfinished();
        };
        // SAFETY: the slot is written, and by the caller we alone take it, once.
        let value = unsafe { block.take(slot) };
        // Ordering of the position's stores: Release. Partner: the Acquire in `len`.
        if slot + 1 == SLOTS {
            // Ordering: Relaxed. Stored before the slot was written, which we have seen.
            let next = block.next.load(Relaxed);
            // Ordering: Release. Partner: a later consumer's Acquire above.
            list.head.block.store(next, Release);
            list.head
                .position
                .store(position.wrapping_add(2 * ONE), Release);
            // SAFETY: its slots were written and read, and we, the only consumer, have moved on.
            unsafe { list.retire(ptr::from_ref(block).cast_mut()) };
        } else {
            list.head
                .position
                .store(position.wrapping_add(ONE), Release);
        }
        Ok(value)
    }
}

impl Consumers for AnyConsumers {
    /// Any number of consumers may call this at once.
    #[inline]
    unsafe fn try_recv<T>(list: &Unbounded<T, Self>) -> Result<T, TryRecvError> {
        let mut spin = Spin::new();
        let (block, slot) = loop {
            // Ordering: Acquire. Partners: the AcqRel and the Release of the advances below, so
            // that the block and the tail that are read next are not older than this position.
            let head = list.head.position.load(Acquire);
            let slot = slot_of(head);
            if slot == LINKING {
                spin.unfinished();
                continue;
            }
            // Ordering: Acquire. Partners: the stores of `head.block`. If the exchange below
            // succeeds the position did not change meanwhile, and so this is its block.
            let block = list.head.block.load(Acquire);
            let mut next = head.wrapping_add(ONE);
            if head & MORE == 0 {
                // Ordering: Acquire. Partner: the AcqRel in `reserve` and in `close`; what our
                // caller knows to be sent is reserved for us too.
                let tail = list.tail.position.load(Acquire);
                if tail & !FLAGS == head {
                    return Err(nothing(tail));
                }
                if tail / ONE / LAP != head / ONE / LAP {
                    next |= MORE;
                }
            }
            if block.is_null() {
                // The first block is between its two places.
                spin.unfinished();
                continue;
            }
            // Ordering: AcqRel. Partner: the Acquire above.
            if list
                .head
                .position
                .compare_exchange_weak(head, next, AcqRel, Relaxed)
                .is_err()
            {
                spin.contended();
                continue;
            }
            // SAFETY: a block is alive until all its slots were emptied, and one of them is ours.
            let block = unsafe { &*block };
            if slot + 1 == SLOTS {
                move_on(list, block, head);
            }
            break (block, slot);
        };
        while !block.is_written(slot) {
            spin.unfinished();
        }
        // SAFETY: the slot is written, and its position was given to us alone.
        let value = unsafe { block.take(slot) };
        if block.finish(slot) {
            // SAFETY: its slots were written and read; the head moved on when the last one was given.
            unsafe { list.retire(ptr::from_ref(block).cast_mut()) };
        }
        Ok(value)
    }
}

/// Whoever got the last slot of a block, at position `last`, leads everybody to the next one.
#[cold]
fn move_on<T>(list: &Unbounded<T, AnyConsumers>, block: &Block<T>, last: usize) {
    let mut spin = Spin::new();
    let next = loop {
        // Ordering: Acquire. Partner: the Release in `reserve`.
        let next = block.next.load(Acquire);
        if !next.is_null() {
            break next;
        }
        spin.unfinished();
    };
    // Ordering: Release, both. Partner: the Acquire loads in `try_recv`.
    list.head.block.store(next, Release);
    list.head
        .position
        .store((last & !MORE).wrapping_add(2 * ONE), Release);
}
