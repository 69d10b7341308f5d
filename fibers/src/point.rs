//! Where a fiber stands: the registers a debugger or a collector needs to look at a suspended one.

use std::arch::asm;

/// The registers of a fiber as of its last suspension.
///
/// The layout is fixed, for debuggers that read it out of memory: four words in this order.
///
/// Every word the fiber may still use lies on its stack at or above `sp`, or is one of `fp` and `rest`: the compiler is made
/// to spill all other callee-saved registers before the point is recorded. So a conservative collector scans from `sp` to the
/// top of the stack, and these two.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// An instruction in the function that suspended.
    pub ip: usize,
    /// Its stack pointer.
    pub sp: usize,
    /// Its frame pointer register: `rbp`, or `x29`.
    pub fp: usize,
    /// The one other callee-saved register that compilers do not let assembly spill: `rbx`, or `x19`.
    pub rest: usize,
}

impl Point {
    /// The point of the caller, all callee-saved registers spilled.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        let (ip, sp, fp, rest);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: copies registers.
        unsafe {
            asm!(
                "lea {ip}, [rip]",
                "mov {sp}, rsp",
                "mov {fp}, rbp",
                "mov {rest}, rbx",
                ip = out(reg) ip,
                sp = out(reg) sp,
                fp = out(reg) fp,
                rest = out(reg) rest,
                // Not `nostack`: nothing may live below the stack pointer that is recorded.
                lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
                options(nomem, preserves_flags),
            );
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: copies registers.
        unsafe {
            asm!(
                "adr {ip}, .",
                "mov {sp}, sp",
                "mov {fp}, x29",
                "mov {rest}, x19",
                ip = out(reg) ip,
                sp = out(reg) sp,
                fp = out(reg) fp,
                rest = out(reg) rest,
                // Not `nostack`, as above.
                lateout("x20") _, lateout("x21") _, lateout("x22") _, lateout("x23") _,
                lateout("x24") _, lateout("x25") _, lateout("x26") _, lateout("x27") _,
                lateout("x28") _, lateout("x30") _,
                options(nomem, preserves_flags),
            );
        }
        Self { ip, sp, fp, rest }
    }
}

/// The stack pointer of the caller, for asking how much stack is left.
///
/// ```
/// let here = 0_u8;
/// let distance = vitte_fibers::stack_pointer().abs_diff(&raw const here as usize);
/// assert!(distance < 64 * 1024);
/// ```
#[inline(always)]
pub fn stack_pointer() -> usize {
    let sp;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: copies a register.
    unsafe {
        asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: copies a register.
    unsafe {
        asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags));
    }
    sp
}
