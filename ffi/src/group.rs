//! Groups: fibers that are asked to end together, and whose ends are waited for together.

use crate::{
    VT_CANCEL_ABANDONED, VT_ECANCELED, VT_EDEADLK, VT_EINVAL,
    boundary::{Answer, Out, ensure, status},
    deadline::{self, deadline},
    handle, vt_runtime, vt_status,
};
use std::sync::Arc;
use vitte_scheduler::{CancelReason, Scheduler, current_id};
use vitte_sync::WaitError;
use vitte_threads::{Members, Place};

/// Fibers that end before what they belong to. They are spawned with `vt_fiber_options.group`.
#[derive(Debug)]
pub struct vt_group(Arc<Members>);

/// Makes a group of fibers of `rt`, of which at most `max_live` live at a time; 0: any number. `[any]`, `[fib]`
/// with null for `rt`.
///
/// `*out` is to be given to `vt_group_release`, before the runtime's end or after it.
///
/// `VT_EINVAL`: `out` is null. `VT_ESTALE`. `VT_ECONTEXT`: null for `rt`, and not on a fiber.
///
/// # Safety
/// `out` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_group_create(
    rt: *mut vt_runtime,
    max_live: u32,
    out: *mut *mut vt_group,
) -> vt_status {
    status(|| {
        let out = Out::new(out)?;
        let limit = (max_live != 0).then_some(max_live as usize);
        let group = vt_group(Members::of(&handle::get(rt)?, limit));
        // SAFETY: by this function's contract.
        unsafe { out.write(Box::into_raw(Box::new(group))) };
        Ok(())
    })
}

/// Waits until no member of the group lives. `[any]` (A fiber suspends.)
///
/// Then what they have put off with `vt_defer` is done, too, and the destructors of their keys have run. What
/// they returned is for `vt_join`. There may be new members afterwards.
///
/// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: some live. `VT_ECANCELED`: the *caller* was canceled; the
/// members go on. `VT_EDEADLK`: the caller is a member. `VT_EINVAL`: `group` is null, or the deadline is
/// negative.
///
/// # Safety
/// `group` is null, or was made and not released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_group_wait(group: *mut vt_group, until: i64) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let members = unsafe { members(group) }?;
        let until_when = deadline(until)?;
        ensure(!members.is_one(), VT_EDEADLK)?;
        members
            .wait_with(until_when, None)
            .map_err(|error| match error {
                WaitError::TimedOut => deadline::late(until),
                _ => VT_ECANCELED,
            })
    })
}

/// Asks every member to end, as `vt_cancel` does, also those that are spawned later; but not the caller, if he is
/// one of them. `[any]` Never waits.
///
/// So a member that fails says so with `VT_CANCEL_SIBLING`, and one that makes the others needless with
/// `VT_CANCEL_LOST`. Of several reasons the first one counts, and the later calls do nothing.
///
/// `VT_EINVAL`: `group` is null, or `reason` is negative and not one of `VT_CANCEL_SIBLING`, `VT_CANCEL_LOST`
/// and `VT_CANCEL_ABANDONED`.
///
/// # Safety
/// `group` is null, or was made and not released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_group_cancel(group: *mut vt_group, reason: i32) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let members = unsafe { members(group) }?;
        let known = VT_CANCEL_ABANDONED..=crate::VT_CANCEL_SIBLING;
        ensure(reason >= 0 || known.contains(&reason), VT_EINVAL)?;
        members.cancel(CancelReason::new(reason), current_id());
        Ok(())
    })
}

/// Asks every member to end, for `VT_CANCEL_ABANDONED`, waits until none lives, and frees the group. `[any]` (A
/// fiber suspends.) Null is nothing.
///
/// A member that ignores its cancellation is waited for, as long as it takes; who has less patience gives
/// `vt_group_wait` a deadline first. That the caller is canceled does not end the wait.
///
/// `VT_EDEADLK`: the caller is a member; nothing was done.
///
/// # Safety
/// `group` is null, or was made and not released; nobody else uses it, but for members, until they end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_group_release(group: *mut vt_group) -> vt_status {
    status(|| {
        if group.is_null() {
            return Ok(());
        }
        // SAFETY: by this function's contract.
        let members = unsafe { members(group) }?;
        ensure(!members.is_one(), VT_EDEADLK)?;
        members.cancel(CancelReason::ABANDONED, None);
        members.wait_whatever_happens();
        // SAFETY: by this function's contract, and no member is left to use it.
        drop(unsafe { Box::from_raw(group) });
        Ok(())
    })
}

/// # Safety
/// `group` is null, or was made and not released.
unsafe fn members<'a>(group: *mut vt_group) -> Answer<&'a Arc<Members>> {
    // SAFETY: by the caller.
    let group = unsafe { group.as_ref() };
    group.map(|group| &group.0).ok_or(VT_EINVAL)
}

/// A place in `group` for a fiber of `scheduler`, once there is room; none without a group.
///
/// # Safety
/// `group` is null, or was made and not released.
pub(crate) unsafe fn enter(
    group: *mut vt_group,
    scheduler: &Scheduler,
    until: i64,
) -> Answer<Option<Place>> {
    let until_when = deadline(until)?;
    if group.is_null() {
        ensure(until == 0, VT_EINVAL)?;
        return Ok(None);
    }
    // SAFETY: by the caller.
    let members = unsafe { members(group) }?;
    ensure(members.scheduler().is_same(scheduler), VT_EINVAL)?;
    match members.enter_with(until_when, None) {
        Ok(place) => Ok(Some(place)),
        Err(outcome) => deadline::ended(outcome, until).map(|()| None),
    }
}
