//! Affinity: on which processors the workers' threads run.

use crate::{VT_EINVAL, boundary::Answer, vt_options};
use std::slice;
use vitte_scheduler::Affinity;

/// In `vt_options.affinity`: wherever the system sees fit.
pub const VT_AFFINITY_NONE: u32 = 0;
/// In `vt_options.affinity`: each worker on a processor of its own, of those that the process may use; first one of each
/// core, then the others. If there are more workers, some share.
pub const VT_AFFINITY_PER_CORE: u32 = 1;
/// In `vt_options.affinity`: all workers on the processors `cpus`.
pub const VT_AFFINITY_SET: u32 = 2;
/// In `vt_options.affinity`: worker `i` on processor `cpus[i]`; if there are more workers, it begins anew.
pub const VT_AFFINITY_EACH: u32 = 3;

/// More processors than any system has, so more of them than this are garbage.
const CPUS_MAX: usize = 65536;

/// Where the workers go by `options`.
///
/// # Safety
/// `cpus` is null or points to `cpu_count` numbers.
pub(crate) unsafe fn of(options: &vt_options) -> Answer<Affinity> {
    let named: &[u32] = match options.cpu_count {
        0 => &[],
        1..=CPUS_MAX if !options.cpus.is_null() && options.cpus.is_aligned() => {
            // SAFETY: by the caller, who does not change them meanwhile; neither null nor misaligned, and of a size
            // that can be.
            unsafe { slice::from_raw_parts(options.cpus, options.cpu_count) }
        }
        _ => return Err(VT_EINVAL),
    };
    let cpus = || named.iter().map(|cpu| *cpu as usize);
    match (options.affinity, named.is_empty()) {
        (VT_AFFINITY_NONE, true) => Ok(Affinity::None),
        (VT_AFFINITY_PER_CORE, true) => Ok(Affinity::PerCore),
        (VT_AFFINITY_SET, false) => Ok(Affinity::Set(cpus().collect())),
        (VT_AFFINITY_EACH, false) => Ok(Affinity::Each(cpus().map(|cpu| vec![cpu]).collect())),
        _ => Err(VT_EINVAL),
    }
}
