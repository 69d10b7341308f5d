//! Waiting for the first of several channels.

use std::ptr;
use std::sync::Arc;

use vitte::{
    VT_CASE_OFF, VT_CASE_RECV, VT_CASE_SEND, VT_EINTERNAL, VT_OK, VT_SELECT_MAX, vt_case, vt_chan,
    vt_status, vt_tick,
};

use super::timer::NO_TICK;
use super::{Chan, Fault, Tap, Tick, Timer, check};
use crate::state::tick;

/// The most cases of one select.
pub(crate) const CASES_MAX: usize = VT_SELECT_MAX;

/// One of the things that are waited for.
#[derive(Debug)]
pub(crate) enum Case<'a, T: Send + Sync> {
    Recv(&'a Chan<T>),
    /// The value is gone when it was sent; without one the case never goes.
    Send(&'a Chan<T>, Option<Box<T>>),
    Tap(&'a Tap<T>),
    Timer(&'a Timer),
    /// The closing of a channel into which nothing is ever sent.
    Closing(&'a Chan<()>),
}

/// What came of a case that went.
#[derive(Debug)]
pub(crate) enum Gone<T> {
    Received(Box<T>),
    Shared(Arc<T>),
    Sent,
    Due(Tick),
}

/// Waits until the deadline for one of the cases and does it, and no other; says which, and what came
/// of it. If several can go, each is as likely as the others.
///
/// # Errors
/// When none of them went. Nothing has happened then.
pub(crate) fn select<T: Send + Sync>(
    cases: &mut [Case<'_, T>],
    deadline: i64,
) -> Result<(usize, Result<Gone<T>, Fault>), Fault> {
    // Every kind of element is one pointer, except ticks, which have places of their own; those of the
    // last kind never come.
    let mut elements: Vec<*mut T> = cases
        .iter_mut()
        .map(|case| match case {
            Case::Send(_, value) => value.take().map_or(ptr::null_mut(), Box::into_raw),
            _ => ptr::null_mut(),
        })
        .collect();
    let timers = cases.iter().any(|case| matches!(case, Case::Timer(_)));
    let mut ticks = vec![NO_TICK; if timers { cases.len() } else { 0 }];
    let mut raw = raw_cases(cases, &mut elements, &mut ticks);
    let (all, n, mut which) = (raw.as_mut_ptr(), raw.len(), 0);
    // SAFETY: so many cases are there, and each has the place of one pointer, or of one tick, which
    // nobody else touches meanwhile; the channels are owned by what the cases borrow. A value to be sent is a
    // pointer made by `Box::into_raw`.
    let status = tick::aside(|| unsafe { vitte::vt_select(all, n, deadline, &raw mut which) });
    let went = check(status).map(|()| (which, raw[which].status));
    for (i, case) in cases.iter_mut().enumerate() {
        let sent = went == Ok((i, VT_OK));
        if let Case::Send(_, value) = case
            && !sent
            && !elements[i].is_null()
        {
            // SAFETY: it was not sent, so it is still ours.
            *value = Some(unsafe { Box::from_raw(elements[i]) });
        }
    }
    let (which, status) = went?;
    if let Case::Timer(_) = cases[which] {
        let due = check(status).map(|()| Gone::Due(ticks[which].into()));
        return Ok((which, due));
    }
    // SAFETY: that case went with that status, and left this element.
    Ok((which, unsafe {
        cases[which].settle(status, elements[which])
    }))
}

/// The cases as C has them, each with its place among the elements or the ticks. One without a value to send is off.
fn raw_cases<T: Send + Sync>(
    cases: &[Case<'_, T>],
    elements: &mut [*mut T],
    ticks: &mut [vt_tick],
) -> Vec<vt_case> {
    let is_empty: Vec<_> = elements.iter().map(|element| element.is_null()).collect();
    let (places, tick_places) = (elements.as_mut_ptr(), ticks.as_mut_ptr());
    let raw = |(i, case): (usize, &Case<'_, T>)| {
        let (kind, chan) = case.raw();
        let nothing = kind == VT_CASE_SEND && is_empty[i];
        vt_case {
            size: size_of::<vt_case>() as u32,
            kind: if nothing { VT_CASE_OFF } else { kind },
            chan,
            elem: match case {
                Case::Timer(_) => tick_places.wrapping_add(i).cast(),
                _ => places.wrapping_add(i).cast(),
            },
            fiber: 0,
            deadline: 0,
            status: VT_OK,
            flags: 0,
            fd: -1,
            events: 0,
        }
    };
    cases.iter().enumerate().map(raw).collect()
}

impl<T: Send + Sync> Case<'_, T> {
    fn raw(&self) -> (u32, *mut vt_chan) {
        match self {
            Case::Recv(chan) => (VT_CASE_RECV, chan.owner.raw()),
            Case::Send(chan, _) => (VT_CASE_SEND, chan.owner.raw()),
            Case::Tap(tap) => (VT_CASE_RECV, tap.owner.raw()),
            Case::Timer(timer) => (VT_CASE_RECV, timer.owner.raw()),
            Case::Closing(chan) => (VT_CASE_RECV, chan.owner.raw()),
        }
    }

    /// # Safety
    /// The case went with `status`, and `element` is what was in its place afterwards.
    unsafe fn settle(&self, status: vt_status, element: *mut T) -> Result<Gone<T>, Fault> {
        match self {
            Case::Recv(_) => {
                check(status)?;
                // SAFETY: a received element belongs to the receiver, and was made by
                // `Box::into_raw`.
                Ok(Gone::Received(unsafe { Box::from_raw(element) }))
            }
            Case::Send(..) => check(status).map(|()| Gone::Sent),
            Case::Tap(tap) => {
                tap.check(status)?;
                // SAFETY: a received element belongs to the receiver, who has a count of it.
                Ok(Gone::Shared(unsafe { Arc::from_raw(element) }))
            }
            // Has left no element.
            Case::Timer(_) | Case::Closing(_) => {
                Err(check(status).err().unwrap_or(Fault::Other(VT_EINTERNAL)))
            }
        }
    }
}
