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
//!  a fresh one:            sp ──► │ begin          │ start │     start: run, drop, gate, body │ base
//! ```
//!
//! Whoever is entered is told the stack pointer of whoever left, so both sides run the same few instructions, and a fiber
//! that goes on on another thread learns where that thread's stack stands. All callee-saved registers but two are spilled
//! by the compiler, which is told that they are lost; `rbx` and `rbp`, which it does not let go, are pushed.
//!
//! Invariants: a stack pointer is used once; `parent` of a gate is that of the resumer while the body runs.

use std::arch::{asm, naked_asm};
use std::cell::Cell;
use std::mem::ManuallyDrop;

use crate::stack::Stack;

/// What the ABI asks of a stack.
const ALIGN: usize = 16;

/// What became of a body that was resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switched {
    /// It left by its gate.
    Yield(()),
    /// It returned.
    Return(()),
}

/// The way out, for the body that was given it.
pub(crate) struct Gate {
    /// The resumer's stack pointer.
    parent: Cell<usize>,
}

impl Gate {
    /// Leaves the stack; returns when the body is resumed.
    // Always inlined, so that there is no frame to return from.
    #[inline(always)]
    pub(crate) fn suspend(&self, (): ()) {
        // SAFETY: this gate was given to the body that runs, so `parent` is that of the `resume` which entered it last.
        self.parent.set(unsafe { leap(self.parent.get()) });
    }
}

/// What lies at the upper end of a stack while its body runs, and before.
#[repr(C)]
struct Start<F> {
    /// First: `begin` calls it.
    run: unsafe extern "sysv64" fn(*mut Self, usize) -> !,
    gate: Gate,
    body: ManuallyDrop<F>,
}

/// A body on a stack of its own.
pub(crate) struct Switch {
    /// Where it stands; 0 once it is finished.
    sp: usize,
    /// Where it stood before it was first resumed.
    fresh: usize,
    /// Its [`Start`], and what drops the body in it.
    start: *mut (),
    drop_body: unsafe fn(*mut ()),
    stack: Stack,
}

impl Switch {
    /// Puts `body` onto `stack`. It must not unwind.
    pub(crate) fn with_stack<F: FnOnce(&Gate, ()) + 'static>(stack: Stack, body: F) -> Self {
        let align = align_of::<Start<F>>().max(ALIGN);
        let start = (stack.base() - size_of::<Start<F>>()) & !(align - 1);
        let sp = start - ALIGN;
        let start = std::ptr::with_exposed_provenance_mut::<Start<F>>(start);
        // SAFETY: both lie in the upper end of a stack that is ours and on which nobody stands; the caller keeps a body small
        // enough for the least stack, and the places are aligned.
        unsafe {
            start.write(Start {
                run: run::<F>,
                gate: Gate {
                    parent: Cell::new(0),
                },
                body: ManuallyDrop::new(body),
            });
            std::ptr::with_exposed_provenance_mut::<[usize; 2]>(sp)
                .write([begin as *const () as usize, start.expose_provenance()]);
        }
        Self {
            sp,
            fresh: sp,
            start: start.cast(),
            drop_body: drop_body::<F>,
            stack,
        }
    }

    /// Runs the body until it leaves or returns. It has not returned yet.
    #[inline(always)]
    pub(crate) fn resume(&mut self, (): ()) -> Switched {
        debug_assert!(!self.done(), "a finished body is not resumed");
        // SAFETY: the body stands there, and `&mut self` says that nobody else enters it.
        self.sp = unsafe { leap(self.sp) };
        if self.done() {
            Switched::Return(())
        } else {
            Switched::Yield(())
        }
    }

    /// Whether it was ever resumed.
    #[inline]
    pub(crate) fn started(&self) -> bool {
        self.sp != self.fresh
    }

    /// Whether it has returned, or was given up.
    #[inline]
    pub(crate) fn done(&self) -> bool {
        self.sp == 0
    }

    /// Drops a body that was never resumed.
    ///
    /// # Panics
    /// If it was.
    pub(crate) fn force_unwind(&mut self) {
        assert!(!self.started(), "a body that runs is ended from within");
        self.sp = 0;
        // SAFETY: it was written by `with_stack`, and as it never ran nobody has taken it.
        unsafe { (self.drop_body)(self.start) };
    }

    /// Gives it up, frames and all.
    ///
    /// # Safety
    /// No value on the stack needs its destructor to run for the program to stay sound.
    pub(crate) unsafe fn force_reset(&mut self) {
        self.sp = 0;
    }

    /// The stack of a finished body.
    ///
    /// # Panics
    /// If it is not finished.
    pub(crate) fn into_stack(self) -> Stack {
        assert!(self.done(), "somebody stands on the stack");
        self.stack
    }
}

unsafe fn drop_body<F>(start: *mut ()) {
    // SAFETY: by the caller, in `force_unwind`.
    unsafe { ManuallyDrop::drop(&mut (*start.cast::<Start<F>>()).body) };
}

/// The lowest function of a body's stack but `begin`.
unsafe extern "sysv64" fn run<F: FnOnce(&Gate, ())>(start: *mut Start<F>, parent: usize) -> ! {
    // SAFETY: it was written by `with_stack`, and stays until the stack is somebody else's.
    let gate = unsafe { &(*start).gate };
    gate.parent.set(parent);
    // SAFETY: it runs once.
    let body = unsafe { ManuallyDrop::take(&mut (*start).body) };
    body(gate, ());
    // SAFETY: as in `suspend`; nothing is left on this stack.
    unsafe { leave(gate.parent.get()) }
}

/// Where a fresh stack is entered, by a jump, with the resumer's stack pointer in `rdx`.
#[unsafe(naked)]
unsafe extern "sysv64" fn begin() {
    naked_asm!(
        // Whoever walks the stack stops here.
        ".cfi_startproc",
        ".cfi_undefined rip",
        "pop rdi",
        "mov rsi, rdx",
        "xor ebp, ebp",
        "call [rdi]",
        "ud2",
        ".cfi_endproc",
    );
}

/// Leaves this stack for the one that stands at `to`. Returns, when somebody leaps here, where that one stood; 0 if he
/// will not come back.
///
/// # Safety
/// `to` came from a leap, or is that of a fresh stack, and was not used yet.
#[inline(always)]
unsafe fn leap(to: usize) -> usize {
    let from;
    // SAFETY: by the caller there is a place to go on at `to`, below it `rbx` and `rbp` of that side; ours are pushed, and
    // everything else is declared as lost. Not `nostack`, so nothing of ours lies below the stack pointer.
    unsafe {
        asm!(
            "push rbp",
            "push rbx",
            "lea rax, [rip + 2f]",
            "push rax",
            "mov rdx, rsp",
            "mov rsp, rdi",
            "pop rax",
            "jmp rax",
            "2:",
            "pop rbx",
            "pop rbp",
            inlateout("rdi") to => _,
            lateout("rdx") from,
            lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    from
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
            "xor edx, edx",
            "jmp rax",
            in("rdi") to,
            options(noreturn),
        );
    }
}
