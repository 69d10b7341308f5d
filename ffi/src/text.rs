//! Text across the boundary: names in, messages out.

use crate::{VT_EINVAL, boundary::Answer};
use std::{
    ffi::{CStr, c_char},
    mem::MaybeUninit,
    slice,
};

/// The text at `text`, `None` for null; `VT_EINVAL` if it is not UTF-8.
///
/// # Safety
/// `text` is null, or ends with a zero byte and stays unchanged for `'a`.
pub(crate) unsafe fn read<'a>(text: *const c_char) -> Answer<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, hence terminated and unchanged by contract.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| VT_EINVAL)
}

/// Writes as much of `text` as fits into `cap` bytes at `buf`, whole characters only, with a zero
/// byte at the end (unless `cap` is zero).
///
/// # Safety
/// `buf` is valid for writes of `cap` bytes; it may be null if `cap` is zero.
pub(crate) unsafe fn write(text: &str, buf: *mut c_char, cap: usize) {
    if cap == 0 {
        return;
    }
    // SAFETY: valid by contract; bytes have no alignment.
    let buf = unsafe { slice::from_raw_parts_mut(buf.cast::<MaybeUninit<u8>>(), cap) };
    let fits = &text.as_bytes()[..text.floor_char_boundary(cap - 1)];
    for (to, from) in buf.iter_mut().zip(fits.iter().chain([&0])) {
        to.write(*from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, cap: usize) -> Vec<u8> {
        let mut buf = vec![b'#'; cap];
        // SAFETY: the buffer has `cap` bytes.
        unsafe { write(text, buf.as_mut_ptr().cast(), cap) };
        buf
    }

    #[test]
    fn text_is_cut_between_characters_and_always_ends() {
        assert_eq!(written("abc", 5), b"abc\0#");
        assert_eq!(written("abc", 4), b"abc\0");
        assert_eq!(written("abc", 3), b"ab\0");
        assert_eq!(written("aé", 3), b"a\0#");
        assert_eq!(written("abc", 1), b"\0");
        assert_eq!(written("abc", 0), b"");
    }
}
