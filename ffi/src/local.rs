//! What every fiber has of its own under a key, and every thread.

use crate::{
    VT_EINVAL, VT_ELIMIT, VT_ESTALE,
    boundary::{Out, status, value},
    callback::vt_drop,
    handle, vt_runtime, vt_status,
};
use std::{ffi::c_void, ptr};
use vitte_scheduler::KeyError;

/// A key of a runtime, under which each of its fibers has a pointer of its own, and so has every thread. 0 is
/// no key. A number is never used twice.
pub type vt_key = u32;

/// Makes a key, which is good as long as its runtime. `[any]`, `[fib]` with null for `rt`.
///
/// `dtor` may be null. When a fiber or a thread ends (a fiber in whichever way, also killed), `dtor` gets what it
/// has under the key, unless that is null, on that fiber or thread, after the calls of `vt_defer`. What destructors
/// set anew is destroyed too, four times over at the most. When the runtime has ended, what threads have
/// under its keys is left as it is.
///
/// `VT_EINVAL`: `out` is null. `VT_ESTALE`, `VT_ECONTEXT`: as for `vt_spawn`. `VT_ELIMIT`: there were 2^32 keys.
///
/// # Safety
/// `out` is null or writable. `dtor` may be called with whatever is set under the key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_key_create(
    rt: *mut vt_runtime,
    dtor: vt_drop,
    out: *mut vt_key,
) -> vt_status {
    status(|| {
        let out = Out::new(out)?;
        // SAFETY: by this function's contract.
        let key = unsafe { handle::get(rt)?.create_key(dtor) }.map_err(|_| VT_ELIMIT)?;
        // SAFETY: by this function's contract.
        unsafe { out.write(key) };
        Ok(())
    })
}

/// Sets what the calling fiber or thread has under a key; null is nothing. `[any]`
///
/// What was there before is the caller's again: no destructor gets it. `VT_ESTALE`: there is no such
/// key, or its runtime has ended. `VT_EINVAL`: the key is another runtime's than the calling fiber's.
#[unsafe(no_mangle)]
pub extern "C" fn vt_local_set(key: vt_key, to: *mut c_void) -> vt_status {
    status(|| {
        vitte_scheduler::set_local(key, to).map_err(|error| match error {
            KeyError::Foreign => VT_EINVAL,
            _ => VT_ESTALE,
        })
    })
}

/// What the calling fiber or thread has under a key. `[any]`
///
/// Null if nothing was set, or there is no such key, or it is another runtime's.
#[unsafe(no_mangle)]
pub extern "C" fn vt_local_get(key: vt_key) -> *mut c_void {
    value(ptr::null_mut(), || vitte_scheduler::local(key))
}
