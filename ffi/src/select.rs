//! Waiting for the first of several things.

use crate::{
    VT_ECANCELED, VT_EINVAL, VT_ELIMIT, VT_EUNSUPPORTED, VT_OK,
    boundary::{Answer, Out, ensure, status},
    channel::{owned, vt_chan},
    deadline::{deadline, late},
    fd,
    fiber::{id, vt_fiber},
    join::joined,
    layout,
    port::{self, Case},
    vt_status,
};
use libc::size_t;
use std::{ffi::c_void, mem::offset_of};
use vitte_channels::select::{Arm, At, Chosen, SelectError, at, select, try_select};
use vitte_scheduler::RawJoinArm;
use vitte_wait::{Deadline, Reason};

/// One of the things that `vt_select` waits for. Fields that its kind does not name are not looked at.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_case {
    /// `sizeof(vt_case)`, the same in all cases of a call.
    pub size: u32,
    /// `VT_CASE_...`.
    pub kind: u32,
    /// What is sent into or received from.
    pub chan: *mut vt_chan,
    /// To receive: room for an element. To send: the element. To join: a `void *`, for the result, or
    /// null. For a descriptor: a `uint32_t`, for the directions in which it is ready, or null.
    pub elem: *mut c_void,
    /// Who is joined.
    pub fiber: vt_fiber,
    /// The point in time.
    pub deadline: i64,
    /// Of the case that was chosen: what came of it. Of all others: as before.
    pub status: vt_status,
    /// 0.
    pub flags: u32,
    /// The descriptor.
    pub fd: i32,
    /// In which directions: `VT_FD_READ`, `VT_FD_WRITE`.
    pub events: u32,
}

/// Is never chosen: a case that is switched off.
pub const VT_CASE_OFF: u32 = 0;
/// `vt_chan_recv(chan, elem)`; with a status other than `VT_OK` it is chosen if the channel is closed
/// and empty (`VT_ECLOSED`), or a subscription has missed something (`VT_ELAGGED`).
pub const VT_CASE_RECV: u32 = 1;
/// `vt_chan_send(chan, elem)`; chosen with another status if the channel is closed (`VT_ECLOSED`), and
/// where sending never waits also with `VT_ENOBODY` or `VT_EDUP`. If it is not chosen, or chosen with
/// another status, the element is still the caller's.
pub const VT_CASE_SEND: u32 = 2;
/// `vt_join(fiber, elem)`; chosen with another status if the join would say so at once: `VT_EFAILED`
/// (and the text of the failure is lost), `VT_ESTALE`, `VT_EDEADLK`, or `VT_EINVAL` if it is detached.
pub const VT_CASE_JOIN: u32 = 3;
/// The point in time `deadline` has come.
pub const VT_CASE_AT: u32 = 4;

/// `vt_fd_wait(fd, events, elem)`: the descriptor is ready in one of the directions, or has ended or failed;
/// another may still be quicker. Chosen with `VT_ECLOSED` if `vt_fd_forget` was called, and with `VT_EINVAL` if it shows,
/// when something wakes the caller, that it was closed: see `vt_fd_wait`. With both directions it counts as two cases when one is drawn. A thread needs no runtime for it.
pub const VT_CASE_FD: u32 = 5;

/// The most cases of one select.
pub const VT_SELECT_MAX: size_t = 65536;

/// Waits until one of `n` cases can go, and does it, and no other. `[any]` (A thread sleeps.)
///
/// `*which` becomes its index, and `cases[*which].status` what came of it. If several can go each is as
/// likely as the others. All others are as if they had not been there: what they would have sent is
/// still the caller's. Without cases it waits for the deadline. While it waits the caller must not
/// change the cases, or what they point to, and must own their channels.
///
/// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: none could go; this is how to have a default.
/// `VT_ECANCELED`: the caller was canceled while it would have had to wait. `VT_EINVAL`: `cases` is null
/// and `n` is not 0, `which` is null, a size is impossible or differs from the first, or a case is one
/// that `vt_chan_send`, `vt_chan_recv`, `vt_join` or `vt_fd_wait` would say so of. `VT_EBUSY`: a case's channel has
/// an end for one at a time, and there is another; two cases of one call are two. `VT_ELIMIT`: `n` is
/// above `VT_SELECT_MAX`. `VT_ESYS`: the operating system refused to watch a descriptor. `VT_EUNSUPPORTED`: a kind, flag or field this version does not know.
/// Whatever the answer, if it is not `VT_OK` nothing has happened.
///
/// # Safety
/// `cases` is null or points to `n` structs, each as long as the size field of the first says. In
/// these what the kind names is as the function of the same name wants it, until this returns. `which`
/// is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_select(
    cases: *mut vt_case,
    n: size_t,
    until: i64,
    which: *mut size_t,
) -> vt_status {
    status(|| {
        let which = Out::new(which)?;
        let limit = deadline(until)?;
        ensure(n <= VT_SELECT_MAX, VT_ELIMIT)?;
        ensure(n == 0 || !cases.is_null(), VT_EINVAL)?;
        // SAFETY: by this function's contract.
        let (stride, mut all, owners) = unsafe { read(cases, n) }?;
        let chosen = choose(&mut all, limit, until)?;
        let (index, settled) = (owners[chosen], all[chosen].settle());
        // SAFETY: the index is below `n`, and the status within the size, by `read`.
        unsafe { status_of(cases, stride, index).write(settled) };
        // SAFETY: by this function's contract.
        unsafe { which.write(index) };
        Ok(())
    })
}

/// The index of what has gone. If none has, they are all gone for good.
fn choose(all: &mut Vec<Box<dyn Case + '_>>, limit: Deadline, until: i64) -> Answer<size_t> {
    let mut arms: Vec<&mut dyn Arm> = all.iter_mut().map(|case| case.arm()).collect();
    if limit == Deadline::NOW {
        return try_select(&mut arms).ok_or_else(|| late(until));
    }
    if port::is_canceled() {
        if let Some(index) = try_select(&mut arms) {
            return Ok(index);
        }
        drop(arms);
        all.clear();
        all.shrink_to_fit();
        return Err(port::be_canceled(Reason::Select));
    }
    select(&mut arms, limit, None).map_err(|error| match error {
        SelectError::TimedOut => late(until),
        SelectError::Canceled | SelectError::Stopped => VT_ECANCELED,
    })
}

type Read<'a> = (usize, Vec<Box<dyn Case + 'a>>, Vec<usize>);

/// How far the cases are from one another, what they wait for, and whose each of that is.
///
/// # Safety
/// As for [`vt_select`].
unsafe fn read<'a>(cases: *mut vt_case, n: usize) -> Answer<Read<'a>> {
    let (mut all, mut owners) = (Vec::with_capacity(n), Vec::with_capacity(n));
    let mut stride = 0;
    for index in 0..n {
        let at = cases.wrapping_byte_add(index * stride).cast_const();
        // SAFETY: by contract a case is there.
        let size = unsafe { layout::size_of_lent(at) }?;
        if index == 0 {
            let whole = size >= offset_of!(vt_case, flags) + 4 && size.is_multiple_of(8);
            ensure(whole, VT_EINVAL)?;
            stride = size;
        }
        // Before it is believed: no case is longer than the first.
        ensure(size == stride, VT_EINVAL)?;
        // SAFETY: by contract a case of this size is there.
        let case = unsafe { layout::read(at) }?;
        ensure(case.flags == 0, VT_EUNSUPPORTED)?;
        if case.kind == VT_CASE_FD {
            let got = case.elem.cast::<u32>();
            ensure(got.is_aligned(), VT_EINVAL)?;
            // SAFETY: by contract.
            unsafe { fd::cases(case.fd, case.events, got, |it| all.push(it)) }?;
        } else {
            // SAFETY: by contract.
            all.push(unsafe { read_case(&case) }?);
        }
        owners.resize(all.len(), index);
    }
    Ok((stride, all, owners))
}

/// # Safety
/// What the case's kind names is as the function of that name wants it, for `'a`.
unsafe fn read_case<'a>(case: &vt_case) -> Answer<Box<dyn Case + 'a>> {
    match case.kind {
        VT_CASE_OFF => Ok(Box::new(AtCase(at(Deadline::NEVER)))),
        VT_CASE_AT => Ok(Box::new(AtCase(at(deadline(case.deadline)?)))),
        VT_CASE_JOIN => {
            let result = case.elem.cast::<*mut c_void>();
            ensure(result.is_aligned(), VT_EINVAL)?;
            let arm = RawJoinArm::new(id(case.fiber)?);
            Ok(Box::new(JoinCase { arm, result }))
        }
        VT_CASE_SEND | VT_CASE_RECV => {
            // SAFETY: by contract.
            let chan = unsafe { owned(case.chan) }?;
            ensure(!case.elem.is_null() || chan.elem == 0, VT_EINVAL)?;
            if case.kind == VT_CASE_SEND {
                // SAFETY: by contract.
                unsafe { chan.port.send_case(case.elem) }
            } else {
                // SAFETY: by contract.
                unsafe { chan.port.recv_case(case.elem) }
            }
        }
        _ => Err(VT_EUNSUPPORTED),
    }
}

/// # Safety
/// `cases` are more than `index` structs of `stride` bytes.
unsafe fn status_of(cases: *mut vt_case, stride: usize, index: usize) -> *mut vt_status {
    // SAFETY: by contract.
    unsafe { &raw mut (*cases.byte_add(index * stride)).status }
}

struct AtCase(At);

impl Case for AtCase {
    fn arm(&mut self) -> &mut dyn Arm {
        &mut self.0
    }

    fn settle(&mut self) -> vt_status {
        VT_OK
    }
}

struct JoinCase {
    arm: RawJoinArm,
    result: *mut *mut c_void,
}

impl Case for JoinCase {
    fn arm(&mut self) -> &mut dyn Arm {
        &mut self.arm
    }

    fn settle(&mut self) -> vt_status {
        match joined(self.arm.take()) {
            Ok(value) => {
                if !self.result.is_null() {
                    // SAFETY: aligned, and writable by the contract of `vt_select`.
                    unsafe { self.result.write(value) };
                }
                VT_OK
            }
            Err(status) => status,
        }
    }
}
