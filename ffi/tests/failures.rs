//! What only a fiber written in Rust can do to the C ABI: panic, and be asked why.

use std::{
    ffi::{CStr, c_char, c_void},
    ptr,
};
use vitte::*;

unsafe extern "C-unwind" fn panics(arg: *mut c_void) -> *mut c_void {
    panic!("fiber number {} has no luck", arg.addr());
}

fn runtime() -> *mut vt_runtime {
    let mut rt = ptr::null_mut();
    // SAFETY: no options, and a place for the handle.
    let status = unsafe { vt_runtime_create(ptr::null(), &raw mut rt) };
    assert_eq!(status, VT_OK);
    rt
}

fn spawn_panicking(rt: *mut vt_runtime, number: usize) -> vt_fiber {
    let (arg, mut fiber) = (ptr::without_provenance_mut(number), 0);
    // SAFETY: the entry takes a number; no options; a place for the id.
    let status = unsafe { vt_spawn(rt, ptr::null(), Some(panics), arg, None, &raw mut fiber) };
    assert_eq!(status, VT_OK);
    fiber
}

/// Joins with a buffer of `cap` bytes; the status, what is in the buffer, and the full length.
fn join_text(fiber: vt_fiber, cap: usize) -> (vt_status, String, usize) {
    let (mut buf, mut len) = (vec![0; cap.max(1)], usize::MAX);
    let place: *mut c_char = buf.as_mut_ptr();
    let until = vt_now() + 60_000_000_000;
    // SAFETY: the buffer has `cap` bytes, and the length a place.
    let status = unsafe { vt_join_text(fiber, until, ptr::null_mut(), place, cap, &raw mut len) };
    // SAFETY: the buffer has a zero byte: written by the call, or there from the start.
    let text = unsafe { CStr::from_ptr(place) };
    (status, text.to_str().unwrap().to_owned(), len)
}

#[test]
fn the_text_of_a_panic_is_given_to_the_joiner_once() {
    let rt = runtime();
    let fiber = spawn_panicking(rt, 7);
    let text = "fiber number 7 has no luck";
    assert_eq!(
        join_text(fiber, 64),
        (VT_EFAILED, text.to_owned(), text.len())
    );
    assert_eq!(join_text(fiber, 64), (VT_ESTALE, String::new(), usize::MAX));

    assert_eq!(
        join_text(spawn_panicking(rt, 8), 6),
        (VT_EFAILED, "fiber".into(), text.len())
    );
    assert_eq!(
        join_text(spawn_panicking(rt, 9), 0),
        (VT_EFAILED, String::new(), text.len())
    );
    assert_eq!(
        vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, VT_FOREVER),
        VT_OK
    );
}

#[test]
fn a_panic_nobody_joins_does_not_keep_the_runtime() {
    let rt = runtime();
    spawn_panicking(rt, 1);
    assert_eq!(
        vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, VT_FOREVER),
        VT_OK
    );
}

#[test]
fn a_select_is_told_of_a_failure() {
    let rt = runtime();
    // SAFETY: zeros are a case that is switched off.
    let mut case: vt_case = unsafe { std::mem::zeroed() };
    case.size = u32::try_from(size_of::<vt_case>()).unwrap();
    case.kind = VT_CASE_JOIN;
    case.fiber = spawn_panicking(rt, 7);
    let mut which = usize::MAX;
    // SAFETY: one case, without a place for a result, and a place for the index.
    let status = unsafe { vt_select(&raw mut case, 1, VT_FOREVER, &raw mut which) };
    assert_eq!((status, which, case.status), (VT_OK, 0, VT_EFAILED));
    assert_eq!(
        join_text(case.fiber, 64),
        (VT_ESTALE, String::new(), usize::MAX)
    );
    assert_eq!(
        vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, VT_FOREVER),
        VT_OK
    );
}
