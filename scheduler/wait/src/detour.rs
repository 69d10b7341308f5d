//! A call of what may suspend, from which one comes back by a jump.
//!
//! A processor predicts where a return leads from the calls that it has made last. When a fiber comes back from a wait, those
//! are the calls of the fibers that ran meanwhile. Inside the library that does no harm, for all of them wait by the same
//! functions, and so by the same calls. But the call into the library stands in the user's code, and is another one for each
//! fiber. So nearly every wait would end with one return that is predicted wrongly.
//!
//! ```text
//!  caller ──push, jump──► bridge ──call──► run ──► ... ──► the switch
//!     ▲                      │ ▲                              │
//!     └───────jump───────────┘ └───────────returns────────────┘
//! ```
//!
//! Here that call is a jump to the processor, and so is the way back, which it predicts from where it led before. The returns
//! from calls further out, in the user's code, are still predicted wrongly, once each.
//!
//! Invariant: nothing unwinds out of the bridge, for the compiler sees no call there and has made no landing pad for it. A
//! panic is caught in `run`, and raised again in `call`.

/// Calls `what`, and comes back from it by a jump. See the [module documentation](self).
///
/// Only for what may suspend: elsewhere it costs, and saves nothing. All functions between this and the user's code are to be
/// inlined, for each of them that is not ends with a return.
///
/// # Panics
/// As `what`.
///
/// ```
/// let waited = vitte_wait::detour::call(|| 1 + 1);
/// assert_eq!(waited, 2);
/// ```
#[inline(always)]
pub fn call<R>(what: impl FnOnce() -> R) -> R {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    let result = jump::call(what);
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    let result = what();
    result
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod jump {
    use std::{
        any::Any,
        arch::{asm, naked_asm},
        mem::{ManuallyDrop, MaybeUninit},
        panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    };

    /// What goes over the bridge, and what comes back.
    struct Load<F, R> {
        /// Taken once, by `run`.
        what: ManuallyDrop<F>,
        /// Written by `run`, if nothing was thrown.
        result: MaybeUninit<R>,
        thrown: MaybeUninit<Payload>,
        has_thrown: bool,
    }

    type Payload = Box<dyn Any + Send>;

    /// As the function of this name outside.
    #[inline(always)]
    pub(super) fn call<R, F: FnOnce() -> R>(what: F) -> R {
        let mut load = Load {
            what: ManuallyDrop::new(what),
            result: MaybeUninit::uninit(),
            thrown: MaybeUninit::uninit(),
            has_thrown: false,
        };
        let run = run::<R, F> as unsafe extern "sysv64" fn(*mut Load<F, R>);
        // SAFETY: to the bridge this is a call: the stack is aligned for one, the address to come back to lies on it, and all
        // that a call may change is declared as clobbered. As it is not `nostack`, nothing of ours lies below the stack
        // pointer. `run` is called once, with a load of its own types that outlives the call.
        unsafe {
            asm!(
                "lea rax, [rip + 2f]",
                "push rax",
                "jmp {bridge}",
                "2:",
                bridge = sym bridge,
                inlateout("rdi") &raw mut load => _,
                inlateout("rsi") run => _,
                clobber_abi("sysv64"),
            );
        }
        if load.has_thrown {
            // SAFETY: it says so.
            resume_unwind(unsafe { load.thrown.assume_init() });
        }
        // SAFETY: nothing was thrown.
        unsafe { load.result.assume_init() }
    }

    /// Calls `rsi` with `rdi`, and jumps to where a return would lead.
    #[unsafe(naked)]
    unsafe extern "sysv64" fn bridge() {
        naked_asm!(
            ".cfi_startproc",
            "sub rsp, 8",
            ".cfi_adjust_cfa_offset 8",
            "call rsi",
            "add rsp, 8",
            ".cfi_adjust_cfa_offset -8",
            "pop rcx",
            ".cfi_adjust_cfa_offset -8",
            ".cfi_register rip, rcx",
            "jmp rcx",
            ".cfi_endproc",
        );
    }

    /// # Safety
    /// `load` is that of a [`call`] that waits for this to return, and this is called once for it.
    unsafe extern "sysv64" fn run<R, F: FnOnce() -> R>(load: *mut Load<F, R>) {
        // SAFETY: by the caller nobody else touches it meanwhile.
        let load = unsafe { &mut *load };
        // SAFETY: by the caller it is still there.
        let what = unsafe { ManuallyDrop::take(&mut load.what) };
        // Written straight to its place: if it were written in parts and then moved as a whole, the move would wait for the
        // parts.
        let result = &mut load.result;
        let call = AssertUnwindSafe(|| {
            result.write(what());
        });
        if let Err(thrown) = catch_unwind(call) {
            load.thrown.write(thrown);
            load.has_thrown = true;
        }
    }
}

#[cfg(all(
    test,
    target_arch = "x86_64",
    target_os = "linux",
    not(any(loom, shuttle))
))]
mod tests {
    use super::jump::call;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn what_is_said_goes_over_and_comes_back() {
        let mut seen = 0;
        let text = call(|| {
            seen += 1;
            call(|| format!("{seen} and {:?}", [0_u64; 9]))
        });
        assert_eq!(text, "1 and [0, 0, 0, 0, 0, 0, 0, 0, 0]");
        assert_eq!(seen, 1);
    }

    #[test]
    fn a_panic_goes_over_it_and_everybody_is_dropped_once() {
        struct Counted<'a>(&'a mut u32);
        impl Drop for Counted<'_> {
            fn drop(&mut self) {
                *self.0 += 1;
            }
        }
        let (mut inside, mut outside) = (0, 0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _outside = Counted(&mut outside);
            let moved = Counted(&mut inside);
            call(move || {
                let _moved = moved;
                std::panic::resume_unwind(Box::new(7_u8));
            })
        }));
        assert_eq!(*caught.unwrap_err().downcast::<u8>().unwrap(), 7);
        assert_eq!((inside, outside), (1, 1));
    }

    #[test]
    fn a_backtrace_is_seen_through_it() {
        #[inline(never)]
        fn caller_of_the_bridge() -> String {
            call(|| std::backtrace::Backtrace::force_capture().to_string())
        }
        assert!(caller_of_the_bridge().contains("caller_of_the_bridge"));
    }
}
