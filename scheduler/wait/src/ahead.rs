//! Cache lines that are asked for before they are needed, so that two of them come at once, and one that is to be written
//! does not come to be read first.

/// Asks for the cache line at `address`, to write to it. Changes nothing but how long that takes then, so any address will
/// do.
#[inline(always)]
pub fn fetch_to_write<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, miri))))]
    // SAFETY: it has no effect that a program could see, whatever the address; older processors do nothing.
    unsafe {
        std::arch::asm!(
            "prefetchw [{}]",
            in(reg) address,
            options(nostack, preserves_flags, readonly)
        );
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(loom, shuttle, miri)))))]
    let _ = address;
}
