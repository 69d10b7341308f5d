//! Cache lines are asked for before they are needed: so several come at the same time, and one that will be written comes
//! once, to be written, and not to be read first.

/// Asks for the cache line at `address`, to be written. A hint: it only changes how long it takes to write there, so any
/// address will do.
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

/// Asks for the cache line at `address`, to be read. A hint, as [`fetch_to_write`].
#[inline(always)]
pub fn fetch(address: usize) {
    let at = std::ptr::without_provenance::<i8>(address);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it reads and writes nothing, and is ignored where nothing is mapped.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at) };
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{at}]", at = in(reg) at, options(nostack, readonly, preserves_flags));
    }
    #[cfg(any(not(any(target_arch = "x86_64", target_arch = "aarch64")), miri))]
    let _ = at;
}
