//! The C ABI of vitte-threads: `libvitte`.
//!
//! The same names are in three places: a noun is `src/<noun>.rs`, its part of
//! `include/vitte.h`, and `tests/c/<noun>.c`. The header is generated from this crate and
//! committed; a test fails when the two differ. The conventions (ownership, null, statuses,
//! calling contexts, sized structs) are on one page, `README.md` in this folder.
//!
//! **Invariants:** every exported function runs its body inside [`boundary`], so no panic leaves
//! the library, and no argument that can be recognised as wrong aborts it. There is no logic
//! here: what takes more than a conversion of arguments belongs in a crate below.

#![allow(
    non_camel_case_types,
    reason = "types have one name, the same in C and in Rust"
)]

mod affinity;
mod boundary;
mod broadcast;
mod callback;
mod cancel;
mod channel;
mod cond;
mod deadline;
mod defer;
mod element;
mod fd;
mod fiber;
mod group;
mod handle;
mod hooks;
mod host;
mod interrupt;
mod jit;
mod join;
mod kill;
mod latch;
mod layout;
mod local;
mod mutex;
mod named;
mod native;
mod offload;
mod park;
mod poll;
mod port;
mod runtime;
mod select;
mod signal;
mod status;
mod text;
mod thread;
mod timer;

pub use affinity::{VT_AFFINITY_EACH, VT_AFFINITY_NONE, VT_AFFINITY_PER_CORE, VT_AFFINITY_SET};
pub use broadcast::{vt_chan_missed, vt_chan_subscribe};
pub use callback::{vt_after, vt_compare, vt_copy, vt_drop, vt_entry, vt_fn};
pub use cancel::*;
pub use channel::{
    VT_CHAN_BOUNDED, VT_CHAN_BROADCAST, VT_CHAN_CAP_MAX, VT_CHAN_ELEM_MAX, VT_CHAN_ONESHOT,
    VT_CHAN_PRIORITY, VT_CHAN_SPSC, VT_CHAN_UNBOUNDED, vt_chan, vt_chan_close, vt_chan_create,
    vt_chan_create_with, vt_chan_len, vt_chan_options, vt_chan_recv, vt_chan_release,
    vt_chan_retain, vt_chan_send,
};
pub use cond::{vt_cond, vt_cond_wait, vt_cond_wake};
pub use deadline::{VT_FOREVER, VT_NOW, vt_now};
pub use defer::vt_defer;
pub use fd::{VT_FD_READ, VT_FD_WRITE, vt_fd_forget, vt_fd_wait};
pub use fiber::*;
pub use group::{vt_group, vt_group_cancel, vt_group_create, vt_group_release, vt_group_wait};
pub use handle::vt_runtime;
pub use hooks::{vt_hooks, vt_switch_hook, vt_worker_hook};
pub use host::*;
pub use interrupt::vt_interrupt;
pub use jit::{vt_jit_layout, vt_jit_layout_get};
pub use join::{vt_join, vt_join_text};
pub use kill::vt_kill;
pub use latch::{vt_latch, vt_latch_set, vt_latch_wait};
pub use layout::*;
pub use local::{vt_key, vt_key_create, vt_local_get, vt_local_set};
pub use mutex::{vt_mutex, vt_mutex_lock, vt_mutex_unlock};
pub use native::*;
pub use offload::{VT_JOB_CPU, VT_JOB_IO, vt_call_blocking, vt_offload};
pub use park::{vt_park, vt_suspend, vt_unpark, vt_wait_on, vt_wake};
pub use poll::{
    VT_SLICE_CANCEL, VT_SLICE_CONTINUE, VT_SLICE_YIELD, vt_consume, vt_fiber_hot, vt_hot,
    vt_poll_slow, vt_set_slice_handler, vt_slice_handler,
};
pub use runtime::*;
pub use select::{
    VT_CASE_AT, VT_CASE_FD, VT_CASE_JOIN, VT_CASE_OFF, VT_CASE_RECV, VT_CASE_SEND, VT_SELECT_MAX,
    vt_case, vt_select,
};
pub use signal::{vt_signal_wakes, vt_unpark_from_signal};
pub use status::*;
pub use thread::*;
pub use timer::{
    vt_chan_after, vt_chan_tick, vt_tick, vt_timer, vt_timer_restart, vt_timer_start,
    vt_timer_stop, vt_timer_stop_until,
};
