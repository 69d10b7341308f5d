//! Status codes: what every fallible function returns.
//!
//! **Invariants:** a number is never changed and never used again for something else. Last
//! added: -21.

use std::ffi::{CStr, c_char};

/// What came of a call: `VT_OK`, or a negative number that says what kind of thing went wrong.
///
/// There are few kinds, and each function says which it returns and what they mean there. There
/// is no "last error" beside it: such a thing would belong to a thread, and fibers change threads.
pub type vt_status = i32;

/// Done.
pub const VT_OK: vt_status = 0;
/// An argument is wrong: null, out of range, or at odds with another.
pub const VT_EINVAL: vt_status = -1;
/// The operating system gave no memory.
pub const VT_ENOMEM: vt_status = -2;
/// A limit is reached: of fibers, of stack, of runtimes, or of what a number may be.
pub const VT_ELIMIT: vt_status = -3;
/// The deadline passed first.
pub const VT_ETIMEDOUT: vt_status = -4;
/// The caller was canceled, and what it asked for had not happened yet.
pub const VT_ECANCELED: vt_status = -5;
/// The channel is closed.
pub const VT_ECLOSED: vt_status = -6;
/// With `VT_NOW`: it cannot be done without waiting.
pub const VT_EAGAIN: vt_status = -7;
/// The runtime shuts down, and takes nothing new.
pub const VT_ESHUTDOWN: vt_status = -8;
/// The handle or id names nobody any more, or never did.
pub const VT_ESTALE: vt_status = -9;
/// This function may not be called from here; see its calling context.
pub const VT_ECONTEXT: vt_status = -10;
/// The call would wait for its own caller.
pub const VT_EDEADLK: vt_status = -11;
/// This version of the library does not know how: a flag, a field or a function of a later one.
pub const VT_EUNSUPPORTED: vt_status = -12;
/// Reserved: the process has forked.
pub const VT_EFORKED: vt_status = -13;
/// It is being done already.
pub const VT_EDUP: vt_status = -14;
/// Something is still in use; ask again later.
pub const VT_EBUSY: vt_status = -15;
/// The operating system refused.
pub const VT_ESYS: vt_status = -16;
/// The task that was joined failed. `vt_join_text` gives its text.
pub const VT_EFAILED: vt_status = -17;
/// A defect of this library: a panic that was stopped at its boundary.
pub const VT_EINTERNAL: vt_status = -18;
/// A subscriber was too slow: elements were overwritten before it came for them. `vt_chan_missed`
/// says how many; the next receive goes on with the oldest that is left.
pub const VT_ELAGGED: vt_status = -19;
/// The caller does not hold what it would release.
pub const VT_EPERM: vt_status = -20;
/// Nobody is subscribed.
pub const VT_ENOBODY: vt_status = -21;

/// The name of a status, such as `"VT_EINVAL"`, for messages. `[any]` `[sig]`
///
/// Never null; a number that is no status gives `"VT_E?"`. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn vt_status_name(status: vt_status) -> *const c_char {
    name(status).as_ptr()
}

fn name(status: vt_status) -> &'static CStr {
    match status {
        VT_OK => c"VT_OK",
        VT_EINVAL => c"VT_EINVAL",
        VT_ENOMEM => c"VT_ENOMEM",
        VT_ELIMIT => c"VT_ELIMIT",
        VT_ETIMEDOUT => c"VT_ETIMEDOUT",
        VT_ECANCELED => c"VT_ECANCELED",
        VT_ECLOSED => c"VT_ECLOSED",
        VT_EAGAIN => c"VT_EAGAIN",
        VT_ESHUTDOWN => c"VT_ESHUTDOWN",
        VT_ESTALE => c"VT_ESTALE",
        VT_ECONTEXT => c"VT_ECONTEXT",
        VT_EDEADLK => c"VT_EDEADLK",
        VT_EUNSUPPORTED => c"VT_EUNSUPPORTED",
        VT_EFORKED => c"VT_EFORKED",
        VT_EDUP => c"VT_EDUP",
        VT_EBUSY => c"VT_EBUSY",
        VT_ESYS => c"VT_ESYS",
        VT_EFAILED => c"VT_EFAILED",
        VT_EINTERNAL => c"VT_EINTERNAL",
        VT_ELAGGED => c"VT_ELAGGED",
        VT_EPERM => c"VT_EPERM",
        VT_ENOBODY => c"VT_ENOBODY",
        _ => c"VT_E?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_every_one_has_a_name() {
        let names: Vec<_> = (-21..=0).map(name).collect();
        for (at, one) in names.iter().enumerate() {
            assert_ne!(*one, c"VT_E?");
            assert!(!names[..at].contains(one), "{one:?} is there twice");
        }
        assert_eq!(name(1), c"VT_E?");
        assert_eq!(name(-22), c"VT_E?");
    }
}
