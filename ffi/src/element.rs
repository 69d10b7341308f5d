//! Elements: what a C channel holds, as bytes.
//!
//! Small elements lie in the channel itself; others in a box, one allocation each. Either way
//! they are aligned for any C type, so that an element's destructor can be called in place.

use std::{ffi::c_void, mem::MaybeUninit, ptr};

/// Sixteen bytes that may hold anything, padding included.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub(crate) struct Chunk([MaybeUninit<u8>; 16]);

const EMPTY: Chunk = Chunk([MaybeUninit::uninit(); 16]);

/// The most bytes that need no box.
pub(crate) const SMALL: usize = size_of::<Chunk>();

/// An element of more bytes.
pub(crate) type Boxed = Box<[Chunk]>;

/// Something that has the bytes of one element.
pub(crate) trait Held {
    /// Where they are.
    fn bytes(&self) -> *const c_void;

    /// Where they are, to be changed.
    fn bytes_mut(&mut self) -> *mut c_void;

    /// Copies the first `size` bytes out.
    ///
    /// # Safety
    /// There are as many, and `to` is writable for them.
    #[inline]
    unsafe fn copy_to(&self, to: *mut c_void, size: usize) {
        // SAFETY: by contract; nobody outside has the address of ours.
        unsafe { ptr::copy_nonoverlapping(self.bytes().cast::<u8>(), to.cast(), size) };
    }
}

/// A way to hold the bytes of one element.
pub(crate) trait Element: Held + Send + Sync + Sized + 'static {
    /// Room for `size` bytes.
    fn with_room(size: usize) -> Self;

    /// The `size` bytes at `from`.
    ///
    /// # Safety
    /// `from` is readable for as many.
    #[inline]
    unsafe fn copied(from: *const c_void, size: usize) -> Self {
        let mut element = Self::with_room(size);
        let to = element.bytes_mut().cast::<u8>();
        // SAFETY: readable by contract; the element has room for as much.
        unsafe { ptr::copy_nonoverlapping(from.cast(), to, size) };
        element
    }
}

impl Held for Chunk {
    fn bytes(&self) -> *const c_void {
        ptr::from_ref(self).cast()
    }
    fn bytes_mut(&mut self) -> *mut c_void {
        ptr::from_mut(self).cast()
    }
}

impl Element for Chunk {
    fn with_room(_: usize) -> Self {
        EMPTY
    }
}

impl Held for Boxed {
    fn bytes(&self) -> *const c_void {
        self.as_ptr().cast()
    }
    fn bytes_mut(&mut self) -> *mut c_void {
        self.as_mut_ptr().cast()
    }
}

impl Element for Boxed {
    fn with_room(size: usize) -> Self {
        vec![EMPTY; size.div_ceil(SMALL)].into_boxed_slice()
    }
}
