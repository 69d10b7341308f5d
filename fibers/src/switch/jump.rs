//! A switch by jumps, for x86-64.
//!
//! Processors predict where a return leads from a stack of the calls they have seen. A switch that calls a fiber and returns
//! from it, as is usual, keeps that stack right as long as a fiber suspends in the frame in which it was entered. But a fiber
//! that waits in a channel suspends some calls deep: then each return that follows, and the next suspension, is predicted
//! wrongly. So neither direction of this switch is a call or a return. Whoever comes back finds on the processor's stack
//! the calls of whoever left last, and if both wait in the same way, as they mostly do, these lead to the same places.
//!
//! ```text
//!  a stack that was left:  sp ──► │ where to go on │ rbx │ rbp │ frames ...
//!  a fresh one:            sp ──► │ begin          │ start │     start: run, gate, body │ base
//! ```
//!
//! Whoever leaves notes where he stands before he goes, at a place that belongs to his stack, so whoever comes up has
//! nothing to do for him, and a stack may be left for any other. All callee-saved registers but two are spilled by the
//! compiler, which is told that they are lost; `rbx` and `rbp`, which it does not let go, are pushed.
//!
//! Invariants: a stack pointer is used once; `parent` of a gate is where the resumer stands while the body runs.

use std::arch::{asm, naked_asm};
use std::cell::Cell;
use std::mem::ManuallyDrop;

use crate::stack::Stack;

/// What the ABI asks of a stack.
const ALIGN: usize = 16;

/// Where a body stands, and the way out for it.
pub(crate) struct Gate {
    /// Where the body stands while it does not run; 0 once it is finished.
    sp: Cell<usize>,
    /// Where its resumer stands while it runs.
    parent: Cell<usize>,
}

impl Gate {
    /// Of no body yet.
    pub(crate) const fn fresh() -> Self {
        Self {
            sp: Cell::new(0),
            parent: Cell::new(0),
        }
    }

    /// Leaves the stack; returns when the body is resumed.
    ///
    /// # Safety
    /// The caller is the body that was given this gate.
    // Always inlined, so that there is no frame to return from.
    #[inline(always)]
    pub(crate) unsafe fn suspend(&self) {
        // SAFETY: as the body runs, its resumer stands there, and nobody else goes back to him.
        unsafe { leap(&self.sp, self.parent.get()) };
    }

    /// Leaves the stack for that of `next`, which has the caller's resumer from now on; returns when the body is resumed.
    ///
    /// # Safety
    /// As for [`suspend`](Self::suspend); and `next` is of a body that was left, and that nobody else resumes.
    #[inline(always)]
    pub(crate) unsafe fn pass(&self, next: &Self) {
        next.parent.set(self.parent.get());
        // SAFETY: by the caller `next` stands there.
        unsafe { leap(&self.sp, next.sp.get()) };
    }

    /// Whether the body has returned, or was given up.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.sp.get() == 0
    }
}

/// What lies at the upper end of a stack while its body runs, and before.
#[repr(C)]
struct Start<F> {
    /// First: `begin` calls it.
    run: unsafe extern "sysv64" fn(*mut Self) -> !,
    gate: *const Gate,
    body: ManuallyDrop<F>,
}

/// A body on a stack of its own. Its gate lies elsewhere, and is as long-lived.
pub(crate) struct Switch {
    /// Where it stood before it was first resumed.
    fresh: usize,
    /// Its [`Start`], and what drops the body in it.
    start: *mut (),
    drop_body: unsafe fn(*mut ()),
    stack: Stack,
}

impl Switch {
    /// Puts `body` onto `stack`. It must not unwind.
    ///
    /// # Safety
    /// `gate` stays where it is until this is taken apart, and is given to no other body.
    pub(crate) unsafe fn with_stack<F: FnOnce() + 'static>(
        stack: Stack,
        gate: &Gate,
        body: F,
    ) -> Self {
        let align = align_of::<Start<F>>().max(ALIGN);
        let start = (stack.base() - size_of::<Start<F>>()) & !(align - 1);
        let sp = start - ALIGN;
        let start = std::ptr::with_exposed_provenance_mut::<Start<F>>(start);
        // SAFETY: both lie in the upper end of a stack that is ours and on which nobody stands; the caller keeps a body small
        // enough for the least stack, and the places are aligned.
        unsafe {
            start.write(Start {
                run: run::<F>,
                gate,
                body: ManuallyDrop::new(body),
            });
            std::ptr::with_exposed_provenance_mut::<[usize; 2]>(sp)
                .write([begin as *const () as usize, start.expose_provenance()]);
        }
        gate.sp.set(sp);
        Self {
            fresh: sp,
            start: start.cast(),
            drop_body: drop_body::<F>,
            stack,
        }
    }

    /// Runs the body until it leaves or returns, or one that it was left for does.
    ///
    /// # Safety
    /// `gate` is its own; it has not returned yet, and nobody else resumes it.
    #[inline(always)]
    pub(crate) unsafe fn resume(&self, gate: &Gate) {
        debug_assert!(!gate.is_done(), "a finished body is not resumed");
        // SAFETY: by the caller the body stands there.
        unsafe { leap(&gate.parent, gate.sp.get()) };
    }

    /// Whether it was ever resumed.
    #[inline]
    pub(crate) fn started(&self, gate: &Gate) -> bool {
        gate.sp.get() != self.fresh
    }

    /// Drops a body that was never resumed.
    ///
    /// # Panics
    /// If it was.
    pub(crate) fn force_unwind(&mut self, gate: &Gate) {
        assert!(!self.started(gate), "a body that runs is ended from within");
        gate.sp.set(0);
        // SAFETY: it was written by `with_stack`, and as it never ran nobody has taken it.
        unsafe { (self.drop_body)(self.start) };
    }

    /// Gives it up, frames and all.
    ///
    /// # Safety
    /// No value on the stack needs its destructor to run for the program to stay sound.
    pub(crate) unsafe fn force_reset(&mut self, gate: &Gate) {
        gate.sp.set(0);
    }

    /// The stack of a finished body.
    ///
    /// # Panics
    /// If it is not finished.
    pub(crate) fn into_stack(self, gate: &Gate) -> Stack {
        assert!(gate.is_done(), "somebody stands on the stack");
        self.stack
    }
}

unsafe fn drop_body<F>(start: *mut ()) {
    // SAFETY: by the caller, in `force_unwind`.
    unsafe { ManuallyDrop::drop(&mut (*start.cast::<Start<F>>()).body) };
}

/// The lowest function of a body's stack but `begin`.
unsafe extern "sysv64" fn run<F: FnOnce()>(start: *mut Start<F>) -> ! {
    // SAFETY: it was written by `with_stack`; the body runs once.
    let body = unsafe { ManuallyDrop::take(&mut (*start).body) };
    body();
    // SAFETY: as above; the gate is as long-lived as the stack.
    let gate = unsafe { &*(*start).gate };
    gate.sp.set(0);
    // SAFETY: as in `suspend`; nothing is left on this stack.
    unsafe { leave(gate.parent.get()) }
}

/// Where a fresh stack is entered, by a jump.
#[unsafe(naked)]
unsafe extern "sysv64" fn begin() {
    naked_asm!(
        // Whoever walks the stack stops here.
        ".cfi_startproc",
        ".cfi_undefined rip",
        "pop rdi",
        "xor ebp, ebp",
        "call [rdi]",
        "ud2",
        ".cfi_endproc",
    );
}

/// Leaves this stack, noting at `from` where it stands, for the one that stands at `to`. Returns when somebody leaps to what
/// was noted.
///
/// # Safety
/// `to` was noted by a leap, or is that of a fresh stack, and was not used yet.
#[inline(always)]
unsafe fn leap(from: &Cell<usize>, to: usize) {
    // SAFETY: by the caller there is a place to go on at `to`, below it `rbx` and `rbp` of that side; ours are pushed, and
    // everything else is declared as lost. Not `nostack`, so nothing of ours lies below the stack pointer.
    unsafe {
        asm!(
            "push rbp",
            "push rbx",
            "lea rax, [rip + 2f]",
            "push rax",
            "mov [rsi], rsp",
            "mov rsp, rdi",
            "pop rax",
            "jmp rax",
            "2:",
            "pop rbx",
            "pop rbp",
            inlateout("rdi") to => _,
            inlateout("rsi") from.as_ptr() => _,
            lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
}

/// As [`leap`], never to come back.
///
/// # Safety
/// As for [`leap`]; no value on this stack needs its destructor to run.
#[inline(always)]
unsafe fn leave(to: usize) -> ! {
    // SAFETY: by the caller.
    unsafe {
        asm!(
            "mov rsp, rdi",
            "pop rax",
            "jmp rax",
            in("rdi") to,
            options(noreturn),
        );
    }
}
