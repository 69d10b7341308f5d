//! Text across the boundary: names in, messages out.

use crate::{VT_EINVAL, boundary::Answer};
use std::{
    ffi::{CStr, c_char},
    ptr,
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
    let fits = &text.as_bytes()[..text.floor_char_boundary(cap - 1)];
    let buf = buf.cast::<u8>();
    // SAFETY: of the `cap` bytes that are writable by contract these are the first, and less than all; they are the
    // caller's, so no text of ours lies there. Bytes have no alignment.
    unsafe { ptr::copy_nonoverlapping(fits.as_ptr(), buf, fits.len()) };
    // SAFETY: the one behind them is among the `cap`, too.
    unsafe { buf.add(fits.len()).write(0) };
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

    #[test]
    fn a_buffer_that_is_said_to_be_endless_gets_the_text_all_the_same() {
        let mut buf = *b"####";
        // SAFETY: the text and its end are all that is written, and there is room for them.
        unsafe { write("ab", buf.as_mut_ptr().cast(), usize::MAX) };
        assert_eq!(&buf, b"ab\0#");
    }
}
