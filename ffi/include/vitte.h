/* vitte.h: the C ABI of vitte-threads. Generated from the Rust source; do not edit.
 *
 * Who may call a function is said in its comment:
 *   [any]  any thread and any fiber
 *   [fib]  fibers only; elsewhere the answer is VT_ECONTEXT
 *   [sig]  also signal handlers
 * Every function may be called with arguments that are null or out of range: the answer is then
 * VT_EINVAL, or what the comment says. The conventions are in ffi/README.md.
 */
#ifndef VITTE_H
#define VITTE_H

#include <stddef.h>
#include <stdint.h>

// In `vt_options.affinity`: wherever the system sees fit.
#define VT_AFFINITY_NONE 0

// In `vt_options.affinity`: each worker on a processor of its own, of those that the process may use; first one of each
// core, then the others. If there are more workers, some share.
#define VT_AFFINITY_PER_CORE 1

// In `vt_options.affinity`: all workers on the processors `cpus`.
#define VT_AFFINITY_SET 2

// In `vt_options.affinity`: worker `i` on processor `cpus[i]`; if there are more workers, it begins anew.
#define VT_AFFINITY_EACH 3

// As the reason of a cancellation: the runtime shuts down.
#define VT_CANCEL_SHUTDOWN -1

// As the reason of a cancellation: a slice was used up, and the handler said `VT_SLICE_CANCEL`.
#define VT_CANCEL_SLICE -2

// As the reason of a cancellation: the fiber is to be ended without its consent.
#define VT_CANCEL_KILLED -3

// As the reason of a cancellation: another member of its group has failed.
#define VT_CANCEL_SIBLING -4

// As the reason of a cancellation: another was first, so nobody needs it any more.
#define VT_CANCEL_LOST -5

// As the reason of a cancellation: what it belongs to is over.
#define VT_CANCEL_ABANDONED -6

// A channel with room for `cap` elements; with `cap` 0, one whose senders wait for a receiver.
#define VT_CHAN_BOUNDED 0

// A channel that grows; `cap` is 0.
#define VT_CHAN_UNBOUNDED 1

// A channel that gives every element to every subscriber, and keeps the last `cap` of them, at least
// one: see `vt_chan_subscribe`. Sending never waits.
#define VT_CHAN_BROADCAST 2

// A channel for one element, which closes behind it; `cap` is 0. Sending never waits.
#define VT_CHAN_ONESHOT 3

// A channel that gives out the smallest element first, and equals in the order in which they came,
// with room for `cap` elements; with `cap` 0 it grows. What is smaller is said by `compare`, or, if
// that is null, by the `int64_t` with which elements begin. Senders that wait for room are let in
// first come, first served.
#define VT_CHAN_PRIORITY 4

// As `VT_CHAN_BOUNDED` with a `cap` of at least one, for one sender and one receiver at a time, and
// cheaper. A second that comes to an end while the first is there, perhaps waiting, is told
// `VT_EBUSY`.
#define VT_CHAN_SPSC 5

// The most bytes an element may have. Send pointers to what is bigger.
#define VT_CHAN_ELEM_MAX 65536

// The most elements a channel may have room for.
#define VT_CHAN_CAP_MAX 1048576

// A deadline that is never reached.
#define VT_FOREVER INT64_MAX

// A deadline that is past: the call only tries, never blocks, and says `VT_EAGAIN`.
#define VT_NOW 0

// Of a descriptor: something can be read or accepted, or it has ended or failed.
#define VT_FD_READ 1

// Of a descriptor: something can be written, a connection has been made, or it has failed.
#define VT_FD_WRITE 2

// Nobody will join it; what it returns is ignored.
#define VT_DETACHED 1

// It stays on the thread on which it starts. Without this flag a fiber may go on on another
// thread after every call that waits or yields, so it must not keep the address of a
// thread-local (`errno` is one), or a lock that knows its owning thread, across such a call.
#define VT_PINNED 2

// Runs before all others, but for one in 17. Who uses up a whole slice goes with the normal ones until
// he waits for something.
#define VT_PRIORITY_HIGH 1

// As usual.
#define VT_PRIORITY_NORMAL 0

// Runs when nobody else wants to, and once in 384 even so.
#define VT_PRIORITY_LOW -1

// In `vt_stack_info.state`: spawned, has not run yet. Its argument is in nobody's frame.
#define VT_STATE_NEW 0

// May run, and waits for a thread to do so. This version says `VT_STATE_RUNNING` instead.
#define VT_STATE_READY 1

// Runs, or is about to.
#define VT_STATE_RUNNING 2

// Waits for what `wait_kind` and `wait_obj` say.
#define VT_STATE_PARKED 3

// Has ended, and was not joined yet.
#define VT_STATE_DONE 4

// The version of this interface: the major number in the upper 16 bits, the minor number in the
// lower. Within a major version, functions and fields are only added. Compare it with
// `vt_abi_version()` to know that header and library belong together.
#define VT_ABI_VERSION 1

// What runs in the region may block its thread for long: if it does, and other fibers wait, another
// thread runs them.
#define VT_MAY_BLOCK 1

// What runs in the region touches nothing that a garbage collector moves or frees.
#define VT_GC_SAFE 2

// For jobs that wait for the outside world: many run at a time (512 by default).
#define VT_JOB_IO 0

// For jobs that compute for long: as many run at a time as there are processors.
#define VT_JOB_CPU 1

// At the end of a slice: the fiber goes on, with another one. Whoever always says so lets the others
// starve.
#define VT_SLICE_CONTINUE 0

// At the end of a slice: the fiber lets others run, as usual.
#define VT_SLICE_YIELD 1

// At the end of a slice: the fiber is canceled.
#define VT_SLICE_CANCEL 2

// In `vt_options.flags`: `seed` counts.
#define VT_SEEDED 1

// In `vt_options.flags`: no thread is started, and fibers run only in calls of `vt_run`, or of what drives
// the runtime while it waits: `vt_join`, and `vt_runtime_shutdown`, on the thread that drove it last (at
// first, the one that made it). `workers` is 0.
#define VT_HOST_DRIVEN 2

// Shut down when every fiber has ended by itself.
#define VT_SHUTDOWN_DRAIN 0

// Cancel every fiber, and wait until every fiber has ended. Half of the time, and half a second
// at most, is for them to end by themselves. A fiber that waits or yields once more after that is
// stopped where it stands, for good: its stack is used again, nothing on it is unwound or freed.
#define VT_SHUTDOWN_CANCEL 1

// Wait for nothing: fibers that have not ended run on, and so do the threads that run them.
#define VT_SHUTDOWN_ABANDON 2

// Is never chosen: a case that is switched off.
#define VT_CASE_OFF 0

// `vt_chan_recv(chan, elem)`; with a status other than `VT_OK` it is chosen if the channel is closed
// and empty (`VT_ECLOSED`), or a subscription has missed something (`VT_ELAGGED`).
#define VT_CASE_RECV 1

// `vt_chan_send(chan, elem)`; chosen with another status if the channel is closed (`VT_ECLOSED`), and
// where sending never waits also with `VT_ENOBODY` or `VT_EDUP`. If it is not chosen, or chosen with
// another status, the element is still the caller's.
#define VT_CASE_SEND 2

// `vt_join(fiber, elem)`; chosen with another status if the join would say so at once: `VT_EFAILED`
// (and the text of the failure is lost), `VT_ESTALE`, `VT_EDEADLK`, or `VT_EINVAL` if it is detached.
#define VT_CASE_JOIN 3

// The point in time `deadline` has come.
#define VT_CASE_AT 4

// `vt_fd_wait(fd, events, elem)`: the descriptor is ready in one of the directions, or has ended or failed;
// another may still be quicker. Chosen with `VT_ECLOSED` if `vt_fd_forget` was called, and with `VT_EINVAL` if it shows,
// when something wakes the caller, that it was closed: see `vt_fd_wait`. With both directions it counts as two cases when one is drawn. A thread needs no runtime for it.
#define VT_CASE_FD 5

// The most cases of one select.
#define VT_SELECT_MAX 65536

// A channel, or a subscription to one, or a timer. It is counted: `vt_chan_retain` adds an owner,
// `vt_chan_release` takes one away.
typedef struct vt_chan vt_chan;

// Fibers that end before what they belong to. They are spawned with `vt_fiber_options.group`.
typedef struct vt_group vt_group;

// Keeps a runtime from ending. The pointer is a number that only the functions of this header understand.
typedef struct vt_guard vt_guard;

// A runtime. The pointer is a number that only the functions of this header understand.
typedef struct vt_runtime vt_runtime;

// A thread that belongs to a runtime. The pointer is a number that only the functions of this header understand.
typedef struct vt_thread vt_thread;

// What came of a call: `VT_OK`, or a negative number that says what kind of thing went wrong.
//
// There are few kinds, and each function says which it returns and what they mean there. There
// is no "last error" beside it: such a thing would belong to a thread, and fibers change threads.
typedef int32_t vt_status;

// Names a fiber for ever: when it is gone the number names nobody, never another fiber. 0 is
// no fiber.
typedef uint64_t vt_fiber;

// Frees an argument or an element. It must not block, and must not be left by an exception.
typedef void (*vt_drop)(void *arg);

// Called with the address of a copy of an element that is about to be handed over, and the channel's
// `user`: to count the copy, where elements count. It must not block, and must not be left by an
// exception.
typedef void (*vt_copy)(void *elem, void *user);

// Compares two elements of a channel, whose `user` is the last argument: negative if `a` comes before
// `b`, positive if after, 0 if neither. Called under a lock of the library: it must be quick, must
// call nothing of this library, and must not be left by an exception.
typedef int32_t (*vt_compare)(const void *a, const void *b, void *user);

// What a channel is made of. Zero in a field means: as usual.
typedef struct vt_chan_options {
  // `sizeof(vt_chan_options)`.
  uint32_t size;
  // `VT_CHAN_...`.
  uint32_t kind;
  // The bytes of an element.
  size_t elem;
  // How many elements there is room for, as the kind says.
  size_t cap;
  // Called, on whatever thread, with the address of each element that was sent and that the channel
  // has no use for any more: because the last owner has released it, and, in a broadcast channel,
  // because it was overwritten, or nobody is subscribed any more.
  vt_drop drop_elem;
  // For `VT_CHAN_BROADCAST`: called with each copy before it is handed to a subscriber, who owns the
  // copy, while the channel still owns the original.
  vt_copy copy_elem;
  // For `VT_CHAN_PRIORITY`: which element comes out first.
  vt_compare compare;
  // The last argument of `copy_elem` and `compare`.
  void *user;
} vt_chan_options;

// A condition that fibers and threads wait for: `vt_cond c = VT_COND_INIT;`, which is zero. There is
// nothing to destroy.
typedef struct vt_cond {
  // The library's.
  uint32_t word;
} vt_cond;

// A lock that fibers and threads share, free if it is zero: `vt_mutex m = VT_MUTEX_INIT;`. There is
// nothing to destroy. It belongs to whoever locked it, a fiber or a plain thread; one that ends
// leaves it locked. It is not fair: who comes just as it is released may be first. The holder has the priority
// of whoever waits, if that is higher.
typedef struct vt_mutex {
  // The library's.
  uint32_t word;
} vt_mutex;

// A call that is made later. It must not be left by an exception.
typedef void (*vt_fn)(void *arg);

// What a fiber is made of. Zero in a field means: as usual.
typedef struct vt_fiber_options {
  // `sizeof(vt_fiber_options)`.
  uint32_t size;
  // `VT_DETACHED`, `VT_PINNED`, or 0.
  uint32_t flags;
  // The usable bytes of its stack, rounded up. 0: as the runtime's options say.
  size_t stack_size;
  // What it is called in errors and dumps; UTF-8, copied.
  const char *name;
  // The embedder's word, to be found in its `vt_hot` and `vt_stack_info`.
  void *user;
  // `VT_PRIORITY_...`.
  int32_t priority;
  // Reserved.
  uint32_t rsv;
  // Whose member it is, if not null.
  struct vt_group *group;
  // Until when to wait for room in `group`. 0, which is `VT_NOW`: not at all.
  int64_t group_deadline;
} vt_fiber_options;

// The body of a fiber. What it returns is what `vt_join` gives.
//
// It must not be left by an exception or by `longjmp`. (A Rust panic is confined to its fiber.)
typedef void *(*vt_entry)(void *arg);

// Where a fiber is. Unless it is the caller itself, it may have moved on by the time the caller
// looks.
typedef struct vt_stack_info {
  // `sizeof(vt_stack_info)`, set by the caller.
  uint32_t size;
  // `VT_STATE_...`.
  uint32_t state;
  // Whom this is about.
  vt_fiber id;
  // The lowest address of its stack; 0 while it has none.
  uintptr_t lo;
  // The address behind the highest of its stack; 0 while it has none.
  uintptr_t hi;
  // The stack pointer it left when it was suspended; 0 if it is not, or that is not known, as
  // always in this version.
  uintptr_t sp;
  // As given when it was spawned.
  void *user;
  // The number of the worker it ran on last, `UINT32_MAX` if none.
  uint32_t worker;
  // Why it waits: 0 not at all, 1 park, 2 sleep, 3 join, 4 send, 5 receive, 6 scope, 7 lock,
  // 8 event or address, 9 shutdown, 10 the first of several, 11 a job on a thread of its own, 12 a
  // descriptor to read from, 13 one to write to.
  uint32_t wait_kind;
  // What it waits on, 0 if on nothing with an address.
  uintptr_t wait_obj;
  // Its name, cut to what fits, ending with a zero byte.
  char name[32];
  // 1 if it was asked to end, else 0.
  uint32_t canceled;
  // Why, if it was: what `vt_cancel` said, or one of `VT_CANCEL_...`.
  int32_t cancel_reason;
} vt_stack_info;

// Where generated code finds things in a fiber's hot line, whose address `vt_fiber_hot` tells.
typedef struct vt_jit_layout {
  // `sizeof(vt_jit_layout)`, set by the caller.
  uint32_t size;
  // If not 0, the hot line can be found from the stack pointer, by clearing so many of its low bits. In this
  // version it is 0: pass the address on, in a register, say.
  uint32_t stack_mask_log2;
  // Where the poll word is: 32 bits, not 0 if `vt_poll_slow` is to be called.
  uint32_t off_poll;
  // Where the embedder's word is.
  uint32_t off_user;
  // Where the lowest address of the stack is.
  uint32_t off_lo;
  // Where the address behind the stack is.
  uint32_t off_hi;
} vt_jit_layout;

// Something that happens once: closed if it is zero, `vt_latch l = VT_LATCH_INIT;`, and once set open
// for ever. There is nothing to destroy.
typedef struct vt_latch {
  // The library's.
  uint32_t word;
} vt_latch;

// A key of a runtime, under which each of its fibers has a pointer of its own, and so has every thread. 0 is
// no key. A number is never used twice.
typedef uint32_t vt_key;

// Called by `vt_suspend` once the caller's stack is saved.
typedef void (*vt_after)(vt_fiber fiber, void *arg);

// What a fiber and code generated for it look at all the time. Its address stays the same as
// long as the fiber lives, on whatever thread, and is a multiple of 64.
//
// Only `user` is the embedder's to write; the rest is to be read.
typedef struct vt_hot {
  // Not 0: call `vt_poll_slow`. Written by any thread, so to be read anew (and as if it were
  // volatile) at every poll. `vt_poll` does. It is set when the fiber is canceled or interrupted, when its
  // slice is over and others wait, and when a fiber of a higher priority does.
  uint32_t poll;
  // Reserved.
  uint32_t flags;
  // As given when the fiber was spawned.
  void *user;
  // The lowest address of the stack.
  uintptr_t lo;
  // The address behind the highest of the stack.
  uintptr_t hi;
  // Reserved.
  uint64_t rsv[4];
} vt_hot;

// Says what becomes of a fiber whose slice is over while others wait: one of `VT_SLICE_...`; any other
// number is `VT_SLICE_YIELD`. Called on that fiber, in its poll. It must not wait, and must not be left by
// an exception.
typedef uint32_t (*vt_slice_handler)(vt_fiber fiber, void *arg);

// Called on a worker's thread, with the worker's number. It must not wait, and must not be left by an exception.
typedef void (*vt_worker_hook)(uint32_t worker, void *arg);

// Called on a worker's thread when a fiber comes or has gone. `hot` has the bounds of its stack and its `user` word; it
// is null when the fiber is over. It must not wait, and must not be left by an exception.
typedef void (*vt_switch_hook)(vt_fiber fiber, uint32_t worker, const struct vt_hot *hot, void *arg);

// What is called when, given with `vt_options.hooks`. Null in a field: nothing. A runtime without hooks pays nothing.
//
// All are called on the worker's thread, on its own stack, with `arg`, several at once on different threads.
typedef struct vt_hooks {
  // `sizeof(vt_hooks)`.
  uint32_t size;
  // 0.
  uint32_t flags;
  // On a new thread of a worker, before it runs any fiber. A number may have several threads, one after the other.
  vt_worker_hook thread_start;
  // On that thread after the last fiber, before it ends.
  vt_worker_hook thread_stop;
  // A worker has nothing to do, and is about to sleep.
  vt_worker_hook before_park;
  // It has slept.
  vt_worker_hook after_unpark;
  // A fiber is about to run: it begins, or goes on. Until its `switch_out` nothing else runs on this thread.
  vt_switch_hook switch_in;
  // The fiber has left its thread, for it waits, gave way, or is over. Nobody else runs it before this has returned.
  vt_switch_hook switch_out;
  // For all of them.
  void *arg;
  // Gets `arg` when no hook will use it any more: when the runtime is gone, or could not be made (but if that is because
  // of a `size`, or of what lies behind the fields that this version knows). May be null.
  vt_drop drop;
} vt_hooks;

// What a runtime is made of. Zero in a field means: what the library finds best.
typedef struct vt_options {
  // `sizeof(vt_options)`.
  uint32_t size;
  // `VT_SEEDED` and `VT_HOST_DRIVEN`, or 0.
  uint32_t flags;
  // How many threads run fibers. 0: as many as there are processors for this process.
  uint32_t workers;
  // How many stacks there may be at once. 0: as many as the operating system allows.
  uint32_t max_stacks;
  // The usable bytes of a fiber's stack, rounded up. 0: 64 KiB.
  size_t stack_size;
  // How many bytes of stacks without a fiber stay ready for use.
  size_t warm_stack_bytes;
  // How long a fiber runs before `vt_poll` lets others run, in nanoseconds.
  uint64_t timeslice_ns;
  // With `VT_SEEDED`: where the scheduler's random choices begin.
  uint64_t seed;
  // What the threads are called; UTF-8, copied.
  const char *name;
  // What is called at the turns of a worker's life, and when fibers come and go; copied. Null: nothing.
  const struct vt_hooks *hooks;
  // `VT_AFFINITY_...`: on which processors the threads run. A thief takes fibers first from workers with which it
  // shares a cache.
  uint32_t affinity;
  // Reserved.
  uint32_t rsv;
  // The numbers of processors that `affinity` asks for, else null; copied.
  const uint32_t *cpus;
  // How many they are.
  size_t cpu_count;
} vt_options;

// Numbers about a runtime, each read by itself: a moment's impression, not a snapshot.
typedef struct vt_stats {
  // `sizeof(vt_stats)`, set by the caller.
  uint32_t size;
  // Threads that run fibers; see `vt_runtime_resize`.
  uint32_t workers;
  // Fibers that have been spawned and have not ended.
  uint64_t live;
  // Fibers ever spawned.
  uint64_t spawned;
  // Fibers that have ended.
  uint64_t finished;
  // Switches from one stack to another.
  uint64_t switches;
  // Fibers that a worker took from another.
  uint64_t steals;
  // Stacks that somebody stands on.
  uint64_t stacks_in_use;
  // Bytes reserved for stacks.
  uint64_t stack_bytes;
} vt_stats;

// One of the things that `vt_select` waits for. Fields that its kind does not name are not looked at.
typedef struct vt_case {
  // `sizeof(vt_case)`, the same in all cases of a call.
  uint32_t size;
  // `VT_CASE_...`.
  uint32_t kind;
  // What is sent into or received from.
  struct vt_chan *chan;
  // To receive: room for an element. To send: the element. To join: a `void *`, for the result, or
  // null. For a descriptor: a `uint32_t`, for the directions in which it is ready, or null.
  void *elem;
  // Who is joined.
  vt_fiber fiber;
  // The point in time.
  int64_t deadline;
  // Of the case that was chosen: what came of it. Of all others: as before.
  vt_status status;
  // 0.
  uint32_t flags;
  // The descriptor.
  int32_t fd;
  // In which directions: `VT_FD_READ`, `VT_FD_WRITE`.
  uint32_t events;
} vt_case;

// How a dedicated thread is started, or another one attached. Zero in a field means: what the library finds best.
typedef struct vt_thread_options {
  // `sizeof(vt_thread_options)`.
  uint32_t size;
  // `VT_DETACHED`, or 0. Of one that is attached: 0.
  uint32_t flags;
  // Bytes of stack. 0: 2 MiB. Of one that is attached: 0, for it has its stack.
  size_t stack_size;
  // What it is called; UTF-8, copied. The system shows the first 15 bytes. One that is attached keeps its name for the
  // system; this one is for errors and dumps.
  const char *name;
} vt_thread_options;

// The id of a timer that calls a function. Never 0, and never used again for another one.
typedef uint64_t vt_timer;

// What is received from a timer.
typedef struct vt_tick {
  // When it was due, as a deadline; not when it was received.
  int64_t due;
  // How many ticks were due since the one received last, and were received by nobody.
  uint64_t missed;
} vt_tick;

// Done.
#define VT_OK 0

// An argument is wrong: null, out of range, or at odds with another.
#define VT_EINVAL -1

// The operating system gave no memory.
#define VT_ENOMEM -2

// A limit is reached: of fibers, of stack, of runtimes, or of what a number may be.
#define VT_ELIMIT -3

// The deadline passed first.
#define VT_ETIMEDOUT -4

// The caller was canceled, and what it asked for had not happened yet.
#define VT_ECANCELED -5

// The channel is closed.
#define VT_ECLOSED -6

// With `VT_NOW`: it cannot be done without waiting.
#define VT_EAGAIN -7

// The runtime shuts down, and takes nothing new.
#define VT_ESHUTDOWN -8

// The handle or id names nobody any more, or never did.
#define VT_ESTALE -9

// This function may not be called from here; see its calling context.
#define VT_ECONTEXT -10

// The call would wait for its own caller.
#define VT_EDEADLK -11

// This version of the library does not know how: a flag, a field or a function of a later one.
#define VT_EUNSUPPORTED -12

// Reserved: the process has forked.
#define VT_EFORKED -13

// It is being done already.
#define VT_EDUP -14

// Something is still in use; ask again later.
#define VT_EBUSY -15

// The operating system refused.
#define VT_ESYS -16

// The task that was joined failed. `vt_join_text` gives its text.
#define VT_EFAILED -17

// A defect of this library: a panic that was stopped at its boundary.
#define VT_EINTERNAL -18

// A subscriber was too slow: elements were overwritten before it came for them. `vt_chan_missed`
// says how many; the next receive goes on with the oldest that is left.
#define VT_ELAGGED -19

// The caller does not hold what it would release.
#define VT_EPERM -20

// Nobody is subscribed.
#define VT_ENOBODY -21

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Subscribes to a broadcast channel: `*receiver` receives every element that is sent from now on.
// `[any]`
//
// The subscription is used like a channel that can be received from, waited for, retained and
// released, by one fiber or thread at a time: a second is told `VT_EBUSY`. Each receive makes a copy of
// the element, which belongs to the receiver. A subscriber that is so slow that elements are
// overwritten is told `VT_ELAGGED`, once, and goes on with the oldest element that is left. It may
// outlive the channel, and then gets what it has not seen, and `VT_ECLOSED`. Releasing it ends the
// subscription.
//
// `VT_EINVAL`: `chan` is null, or not the sending end of a broadcast channel, or `receiver` is null.
//
// # Safety
// `chan` is null or a channel that the caller owns for the time of the call. `receiver` is null or
// writable.
vt_status vt_chan_subscribe(struct vt_chan *chan,
                            struct vt_chan **receiver);

// How many elements a subscription had missed when it last said `VT_ELAGGED`, exactly. `[any]`
//
// 0 if it never did, and for whatever is no subscription.
//
// # Safety
// `receiver` is null or a channel that the caller owns for the time of the call.
uint64_t vt_chan_missed(struct vt_chan *receiver);

// Asks a fiber to end. `[any]` Never waits.
//
// Its waits and its polls answer `VT_ECANCELED` from now on, the one it is in included. It ends
// when its code does: nothing is unwound, and nothing is freed behind its back. A fiber that has not begun
// begins all the same, and finds itself canceled.
//
// `reason` is the caller's, for `vt_cancel_reason` and `vt_fiber_info` to tell; 0 is none in particular.
// Of several the first one counts. `VT_ESTALE`: it is gone. `VT_EINVAL`: it is 0, or `reason` is negative:
// those are this library's, `VT_CANCEL_...`.
vt_status vt_cancel(vt_fiber fiber,
                    int32_t reason);

// Why a fiber was asked to end, whether it masks that or not. `[any]`
//
// `fiber` 0 is the caller, who may be a thread. `VT_OK`: `*reason` is what the first `vt_cancel` said, or one of
// `VT_CANCEL_...`. `VT_EAGAIN`: it was not asked to. `VT_ESTALE`: it is gone. `VT_EINVAL`: `reason` is null.
//
// # Safety
// `reason` is null or writable.
vt_status vt_cancel_reason(vt_fiber fiber,
                           int32_t *reason);

// Makes the caller ignore its cancellation (`masked` not 0), or heed it again. `[any]` (A thread is canceled by
// the shutdown of a runtime to which it belongs.)
//
// For code that has to wait while it cleans up. Returns what was before, 0 or 1, to be given
// back at the end.
uint32_t vt_cancel_mask(uint32_t masked);

// Makes a channel of elements of `elem` bytes. `[any]`
//
// `vt_chan_create_with` with these options, and no others. Elements of up to 16 bytes need no
// allocation each; `elem` may be 0. `drop_elem` (may be null) is called, on whatever thread, with
// the address of each element that was sent and is still inside when the last owner releases
// the channel. The channel belongs to no runtime, and any number of fibers and threads may send
// and receive.
//
// `VT_EINVAL`: `out` is null, there is no such kind, or it does not have such a `cap` or `elem`.
// `VT_ELIMIT`: `elem` is above `VT_CHAN_ELEM_MAX`, or `cap` above `VT_CHAN_CAP_MAX`.
//
// # Safety
// `out` is null or writable. `drop_elem` may be called with the address of an element.
vt_status vt_chan_create(uint32_t kind,
                         size_t elem,
                         size_t cap,
                         vt_drop drop_elem,
                         struct vt_chan **out);

// Makes the channel that `options` describes. `[any]`
//
// As `vt_chan_create`; besides, `VT_EINVAL`: `options` is null, or has a `copy_elem` or `compare` for a
// kind that has none. `VT_EUNSUPPORTED`: an option this version does not know.
//
// # Safety
// `options` is null or points to as many readable bytes as its size field says. `out` is null or
// writable. The functions in the options may be called on any thread, at any time until the channel
// and all subscriptions to it are freed, with addresses of elements and with `user`.
vt_status vt_chan_create_with(const struct vt_chan_options *options,
                              struct vt_chan **out);

// Copies the element at `elem` into a channel, waiting for room if it must. `[any]` (A thread
// sleeps.)
//
// On `VT_OK` the element belongs to the channel. Otherwise it is still the caller's.
//
// `VT_ECLOSED`: the channel is closed. `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: there is no
// room. `VT_ECANCELED`: the caller was canceled while it would have had to wait. `VT_EINVAL`:
// `chan` is null, `elem` is null though elements have bytes, or the deadline is negative; or `chan` is
// a subscription or a timer. Only for some kinds: `VT_ENOBODY`: broadcast, and nobody is subscribed.
// `VT_EDUP`: oneshot, and something was sent before. `VT_EBUSY`: one sender and one receiver, and
// there is another sender.
//
// # Safety
// `chan` is null or a channel that the caller owns for the time of the call. `elem` is null or
// points to an element.
vt_status vt_chan_send(struct vt_chan *chan,
                       const void *elem,
                       int64_t until);

// Copies the next element out to `elem`, waiting for one if it must. `[any]` (A thread sleeps.)
//
// The next is the oldest, but of a priority channel the smallest. On `VT_OK` the element belongs to
// the caller. Otherwise `*elem` is as before.
//
// `VT_ECLOSED`: the channel is closed, and everything in it was received. `VT_ETIMEDOUT`, or
// `VT_EAGAIN` with `VT_NOW`: there is none. `VT_ECANCELED`: the caller was canceled while it would
// have had to wait. `VT_EINVAL`: as for `vt_chan_send`, or `chan` is the sending end of a broadcast
// channel. Only for some kinds: `VT_ELAGGED`: a subscription that has missed elements, and says so
// once. `VT_EBUSY`: a subscription, or a channel of one sender and one receiver, and there is another
// receiver.
//
// # Safety
// `chan` is null or a channel that the caller owns for the time of the call. `elem` is null or
// has room for an element.
vt_status vt_chan_recv(struct vt_chan *chan,
                       void *elem,
                       int64_t until);

// Closes a channel: nothing more can be sent; what is inside can be received. `[any]` Never
// waits.
//
// Those who wait for room get `VT_ECLOSED`, and so do receivers, when it is empty. A timer that is
// closed gives no more ticks. Doing it twice is the same as once. `VT_EINVAL`: `chan` is null, or a
// subscription, which is ended by releasing it.
//
// # Safety
// `chan` is null or a channel that the caller owns for the time of the call.
vt_status vt_chan_close(struct vt_chan *chan);

// How many elements are inside; 0 if `chan` is null. `[any]` A moment's impression.
//
// Of a subscription: how many it could receive now. Of the sending end of a broadcast channel, and of a
// subscription that somebody is just receiving from: 0. Of a timer: 1 if a tick is due.
//
// # Safety
// `chan` is null or a channel that the caller owns for the time of the call.
size_t vt_chan_len(struct vt_chan *chan);

// Adds an owner. `[any]` Does nothing if `chan` is null.
//
// # Safety
// `chan` is null or a channel that the caller owns.
void vt_chan_retain(struct vt_chan *chan);

// Takes an owner away. With the last, the channel is freed, and what is inside is dropped.
// `[any]` Does nothing if `chan` is null.
//
// It does not close the channel for those who still own it. A broadcast channel that is freed is
// closed, and those who are subscribed get what they have not seen yet.
//
// # Safety
// `chan` is null or a channel that the caller owns, and no longer does after this call.
void vt_chan_release(struct vt_chan *chan);

// Releases `mutex`, waits until somebody wakes `cond`, and takes `mutex` again. `[any]` (A thread
// sleeps.)
//
// It may answer `VT_OK` although nobody woke it, so it is called in a loop that looks at what it waits
// for. Whatever ends the wait, the mutex is taken again before this returns, however long that takes,
// also if the caller is canceled.
//
// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`. `VT_ECANCELED`. With these the mutex is held.
// `VT_EPERM`: the caller does not hold it. `VT_EINVAL`: `cond` or `mutex` is null or misaligned, or the
// deadline is negative.
//
// # Safety
// As for `vt_mutex_lock`, of both.
vt_status vt_cond_wait(struct vt_cond *cond,
                       struct vt_mutex *mutex,
                       int64_t until);

// Wakes up to `n` who wait for `cond`, oldest first; says how many. `[any]` Never waits.
//
// `UINT32_MAX` is all. 0 if `cond` is null or misaligned. The mutex need not be held, but what the
// others wait for must have been changed under it.
//
// # Safety
// As for `vt_mutex_lock`.
uint32_t vt_cond_wake(struct vt_cond *cond, uint32_t n);

// Nanoseconds on the clock that deadlines count on: `CLOCK_MONOTONIC` on Unix. `[any]` `[sig]`
int64_t vt_now(void);

// Has `call(arg)` made when the calling fiber ends, in whichever way: it returns, is killed, or is stopped
// by a shutdown. `[any]` (A thread has it made when the thread ends.)
//
// Of several the last one is made first. Each is made once, on the fiber itself, whose cancellation is
// masked from then on: so it may wait, and may put off others. There is no way to take it back; let
// `arg` say whether there is still something to do. `VT_EINVAL`: `call` is null.
//
// # Safety
// `call` may be called with `arg`, on the fiber.
vt_status vt_defer(vt_fn call,
                   void *arg);

// Waits until a call on the descriptor `fd` would not block in one of the directions `events`. `[any]` (A thread sleeps.)
//
// `*got` becomes those in which it would not; `got` may be null. Another may be quicker, so make the descriptor one that
// does not block, try first, and wait when the try says so. Any number of fibers and threads may wait for one
// descriptor. The runtime of the calling fiber watches it until `vt_fd_forget`, which is to be called before `close`: the
// system tells nobody that a descriptor was closed, so whoever waits for it would notice only when something else wakes
// him. A thread that is no fiber looks out itself while it waits, and hears of a `vt_fd_forget` all the same. A file is
// always ready.
//
// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`. `VT_ECANCELED`. `VT_ECLOSED`: `vt_fd_forget` was called meanwhile.
// `VT_EINVAL`: `events` is 0, or there is no such descriptor. `VT_EUNSUPPORTED`: an event this version does not
// know, or a system that it does not know to watch. `VT_ESYS`: the operating system refused, at a limit say.
//
// # Safety
// `got` is null or writable.
vt_status vt_fd_wait(intptr_t fd,
                     uint32_t events,
                     int64_t until,
                     uint32_t *got);

// Has the runtime watch the descriptor `fd` no more; null is the runtime of the calling fiber. `[any]`, `[fib]` with
// null.
//
// To be called before the descriptor is closed, for its number may be given to another one then. Whoever waits for it in
// `vt_fd_wait` or `vt_select`, on a fiber of this runtime or on any thread that is no fiber, is woken with `VT_ECLOSED`. If
// nobody is, and it was not watched, nothing happens, and that is no error.
//
// `VT_EINVAL`: `fd` cannot be a descriptor. `VT_ESTALE`. `VT_ECONTEXT`: null, and not called on a fiber.
vt_status vt_fd_forget(struct vt_runtime *rt,
                       intptr_t fd);

// Starts a fiber that runs `entry(arg)`. `[any]`, `[fib]` with null for `rt`.
//
// `rt` null is the runtime of the calling fiber (and quicker). `options` may be null. `out` may
// be null if the fiber is `VT_DETACHED`; every other fiber is to be joined, once.
//
// `arg` belongs to the library from the call on, whatever comes of the call: either `entry`
// gets it, or, if the fiber never runs, `drop` does, exactly once. `drop` may be null.
//
// With a `group`, the group does not end before the fiber has. If it has as many members as it may have,
// this waits for room until `group_deadline` (a fiber suspends): `VT_EAGAIN` with `VT_NOW`, `VT_ETIMEDOUT`,
// `VT_ECANCELED`. A group that was canceled still takes members, which begin canceled.
//
// `VT_EINVAL`: `entry` or `out` is null, or an option out of range or not UTF-8, or the group is another
// runtime's. `VT_EUNSUPPORTED`: an option this version does not know. `VT_ESHUTDOWN`, `VT_ESTALE`: too
// late. `VT_ELIMIT`: too many fibers. `VT_ECONTEXT`: `rt` is null, and not called on a fiber.
//
// # Safety
// `entry` may be called with `arg` on any thread, or `drop` may. `options` is null or points to
// as many readable bytes as its size field says, in which `name` is null or ends with a zero
// byte and `group` is null or was made and not released. `out` is null or writable. Unless `VT_PINNED` is
// set, `entry` bears being moved between threads (see that flag).
vt_status vt_spawn(struct vt_runtime *rt,
                   const struct vt_fiber_options *options,
                   vt_entry entry,
                   void *arg,
                   vt_drop drop,
                   vt_fiber *out);

// Starts `n` fibers that run `entry(args[i])`. `[any]`, `[fib]` with null for `rt`.
//
// As `n` calls of `vt_spawn`, up to the first that fails, whose status is the answer. `out` is
// an array of `n`, or null if they are `VT_DETACHED`. An element of `out` is 0 if its fiber was
// not started; all arguments belong to the library from the call on, and `drop` has got those of
// the fibers that were not started. (If `args` is null or misaligned there are none to drop.)
//
// # Safety
// As for `vt_spawn`, `n` times.
vt_status vt_spawn_many(struct vt_runtime *rt,
                        const struct vt_fiber_options *options,
                        vt_entry entry,
                        void *const *args,
                        size_t n,
                        vt_drop drop,
                        vt_fiber *out);

// The calling fiber, 0 if the caller is none. `[any]`
vt_fiber vt_fiber_self(void);

// Lets other fibers run, then goes on. `[any]` (A thread lets other threads run.)
//
// Always `VT_OK`; a fiber that is canceled also just goes on.
vt_status vt_yield(void);

// Waits until the deadline. `[any]` (A thread sleeps.)
//
// `VT_OK` when it is reached. `VT_ECANCELED`. `VT_EINVAL`: the deadline is negative.
vt_status vt_sleep_until(int64_t until);

// Changes a fiber's priority to one of `VT_PRIORITY_...`, at any time. `[any]`
//
// A fiber that runs goes on; any other is of the new class from its next turn on. A fiber has the
// priority it was spawned with, whatever its spawner has.
//
// `VT_EINVAL`: `fiber` is 0, or there is no such priority. `VT_ESTALE`: it is gone.
vt_status vt_fiber_set_priority(vt_fiber fiber, int32_t priority);

// Keeps the calling fiber on its thread (`on` not 0), or lets go of it again. `[fib]`
//
// It counts, up to 15: a fiber may move when every pinning has been undone. `VT_ECONTEXT`.
// `VT_ELIMIT`: it is pinned 15 times already. `VT_EINVAL`: there is nothing to undo.
vt_status vt_fiber_pin(uint32_t on);

// Where a fiber is. `[any]`
//
// `out->size` must be set. `VT_EINVAL`: `fiber` is 0, `out` is null, or its size is impossible.
// `VT_ESTALE`: the fiber is gone.
//
// # Safety
// `out` is null or points to as many writable bytes as its size field says.
vt_status vt_fiber_info(vt_fiber fiber, struct vt_stack_info *out);

// Whether the calling fiber has `bytes` of stack left, for what it is about to call. `[fib]`
//
// `VT_ELIMIT` if not; the stack does not grow, so ask for a greater `stack_size` at its spawn.
// `VT_ECONTEXT`.
vt_status vt_fiber_reserve(size_t bytes);

// Makes a group of fibers of `rt`, of which at most `max_live` live at a time; 0: any number. `[any]`, `[fib]`
// with null for `rt`.
//
// `*out` is to be given to `vt_group_release`, before the runtime's end or after it.
//
// `VT_EINVAL`: `out` is null. `VT_ESTALE`. `VT_ECONTEXT`: null for `rt`, and not on a fiber.
//
// # Safety
// `out` is null or writable.
vt_status vt_group_create(struct vt_runtime *rt,
                          uint32_t max_live,
                          struct vt_group **out);

// Waits until no member of the group lives. `[any]` (A fiber suspends.)
//
// Then what they have put off with `vt_defer` is done, too, and the destructors of their keys have run. What
// they returned is for `vt_join`. There may be new members afterwards.
//
// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: some live. `VT_ECANCELED`: the *caller* was canceled; the
// members go on. `VT_EDEADLK`: the caller is a member. `VT_EINVAL`: `group` is null, or the deadline is
// negative.
//
// # Safety
// `group` is null, or was made and not released.
vt_status vt_group_wait(struct vt_group *group,
                        int64_t until);

// Asks every member to end, as `vt_cancel` does, also those that are spawned later; but not the caller, if he is
// one of them. `[any]` Never waits.
//
// So a member that fails says so with `VT_CANCEL_SIBLING`, and one that makes the others needless with
// `VT_CANCEL_LOST`. Of several reasons the first one counts, and the later calls do nothing.
//
// `VT_EINVAL`: `group` is null, or `reason` is negative and not one of `VT_CANCEL_SIBLING`, `VT_CANCEL_LOST`
// and `VT_CANCEL_ABANDONED`.
//
// # Safety
// `group` is null, or was made and not released.
vt_status vt_group_cancel(struct vt_group *group,
                          int32_t reason);

// Asks every member to end, for `VT_CANCEL_ABANDONED`, waits until none lives, and frees the group. `[any]` (A
// fiber suspends.) Null is nothing.
//
// A member that ignores its cancellation is waited for, as long as it takes; who has less patience gives
// `vt_group_wait` a deadline first. That the caller is canceled does not end the wait.
//
// `VT_EDEADLK`: the caller is a member; nothing was done.
//
// # Safety
// `group` is null, or was made and not released; nobody else uses it, but for members, until they end.
vt_status vt_group_release(struct vt_group *group);

// Lends the calling thread to a runtime that was made with `VT_HOST_DRIVEN`: runs fibers, in turn, until
// none is ready, `max_steps` turns were run (0: no limit), or the deadline has come. `[any]`, but not on a
// fiber.
//
// With `VT_NOW` it never waits, however long what is ready takes; with a later deadline, it waits for
// work until then while nothing is ready. A fiber that runs when the deadline comes gives way at its next
// `vt_poll`, or when it waits. `*steps`, if `steps` is not null, is how many turns were run: a turn
// lasts until the fiber waits, yields, ends, or has used up a time slice.
//
// `VT_OK`: nothing is ready, and from now on the host is woken when something is. `VT_ETIMEDOUT`,
// `VT_ELIMIT`: the time is over, or the turns are, and more may be ready: call again. `*steps` is written
// with these three. `VT_EBUSY`: another thread drives the runtime. `VT_EPERM`: fibers that cannot leave
// the thread on which they have begun, another one, are alive. `VT_ECONTEXT`: called on a fiber.
// `VT_ESHUTDOWN`: the runtime is being shut down. `VT_EINVAL`: `rt` is null, or has threads of its own, or
// the deadline is negative, or `steps` is misaligned. `VT_ESTALE`.
//
// # Safety
// `steps` is null or points to a writable number.
vt_status vt_run(struct vt_runtime *rt,
                 uint32_t max_steps,
                 int64_t until,
                 uint32_t *steps);

// As `vt_run`, but never waits: runs what is ready, for no longer than until the deadline. At least one turn is
// run, if any fiber is ready. `[any]`, but not on a fiber.
//
// # Safety
// `steps` is null or points to a writable number.
vt_status vt_run_ready(struct vt_runtime *rt,
                       uint32_t max_steps,
                       int64_t until,
                       uint32_t *steps);

// When to call `vt_run` next, if the host is not woken before: `VT_NOW` if something may be ready,
// `VT_FOREVER` if only a wake-up can bring something. At times earlier than need be, and up to 229 microseconds later
// than what a fiber waits for. `[any]`
//
// Otherwise a negative status. `VT_EINVAL`: `rt` is null, or has threads of its own. `VT_ESTALE`.
int64_t vt_next_deadline(struct vt_runtime *rt);

// What is readable while there is something to do for `vt_run`: a fiber is ready, a deadline has come, or
// more is left than the last call had time for. `[any]`
//
// On Linux it is a file descriptor. It is the runtime's, and stays the same until that is shut down: wait until
// it is readable, by `poll`, `epoll` or whatever, but never read it, write it or close it.
//
// `VT_EINVAL`: `rt` is null, or has threads of its own, or `handle` is null or misaligned. `VT_ESYS`: the operating system
// gave no descriptor, or has none of this kind. `VT_ESTALE`.
//
// # Safety
// `handle` is null or points to a writable number.
vt_status vt_wait_handle(struct vt_runtime *rt,
                         intptr_t *handle);

// Has `wake(arg)` called once each time there is something to do again after `vt_run` has answered `VT_OK`,
// on whatever thread brings it. `[any]`
//
// Not for deadlines, nor for what a signal handler does; and at times once too often. `wake` must not wait,
// nor call anything for this runtime: it makes the host's loop come round. It takes the place of the one
// before, of which a call may be under way. Null for `wake`: nobody is called. `arg` belongs to the library
// from the call on, whatever comes of it: `drop` gets it when no call will use it any more.
//
// `VT_EINVAL`: `rt` is null, or has threads of its own. `VT_ESTALE`.
//
// # Safety
// `wake` may be called with `arg` on any thread, also several at once; afterwards `drop` may, once.
vt_status vt_set_host_wake(struct vt_runtime *rt,
                           vt_fn wake,
                           void *arg,
                           vt_drop drop);

// Has a fiber call `action(arg)`, at its next poll, or where it next waits or yields. `[any]` Never waits.
//
// A fiber that is parked does it at once, and waits on, for the same thing and until the same deadline; so
// this is a way to have something done by another fiber wherever it is, on its own stack. Several are called in
// their order. The action must not wait: it may be in the middle of a wait of its fiber, and would block the thread. In it
// `vt_park` and `vt_suspend` answer `VT_ECANCELED`. To have the fiber raise an exception of its language, leave it where the fiber
// looks after a poll or a wait.
//
// `arg` belongs to the library from the call on, whatever comes of it: either `action` gets it, or, if the
// fiber ends first or the call fails, `drop` does (which may be null), on any thread.
//
// `VT_ESTALE`: it is gone, or has ended. `VT_EINVAL`: it is 0, or `action` is null.
//
// # Safety
// `action` may be called with `arg` on the fiber, or `drop` anywhere.
vt_status vt_interrupt(vt_fiber fiber,
                       vt_fn action,
                       void *arg,
                       vt_drop drop);

// Tells where generated code finds what it needs. `[any]`, `[fib]` with null for `rt`.
//
// It is the same for all fibers of the runtime, as long as it lives. `out->size` must be set. `VT_EINVAL`: `out` is
// null, or its size is impossible. `VT_ESTALE`, `VT_ECONTEXT`: as for `vt_spawn`.
//
// # Safety
// `out` is null or points to as many writable bytes as its size field says.
vt_status vt_jit_layout_get(struct vt_runtime *rt,
                            struct vt_jit_layout *out);

// Waits until a fiber has ended, and takes what its entry returned. `[any]` (A thread sleeps.)
//
// A fiber is joined once: after `VT_OK` and `VT_EFAILED` its id names nobody. `result` may be
// null, and is written on `VT_OK` only.
//
// `VT_EFAILED`: its entry did not return; it panicked (if it is written in Rust), found no stack
// to run on, was killed, or ended by a shutdown. `vt_join_text` tells. `VT_ETIMEDOUT`, or `VT_EAGAIN`
// with `VT_NOW`: it lives. `VT_ECANCELED`: the *caller* was canceled; the fiber can still be
// joined. (A fiber that runs on the caller's stack, as one may that he spawned last, is canceled with him instead.) `VT_ESTALE`: it was joined already, or never was. `VT_EINVAL`: it is 0, or detached, or
// the deadline is negative. `VT_EDEADLK`: it is the caller.
//
// # Safety
// `result` is null or writable.
vt_status vt_join(vt_fiber fiber,
                  int64_t until,
                  void **result);

// As `vt_join`; and on `VT_EFAILED` gives the text of the failure, which nobody gets after this
// call. `[any]` (A thread sleeps.)
//
// The text is UTF-8. As much of it as fits into `cap` bytes is written to `buf`, whole characters
// only, with a zero byte at the end. `*len` (`len` may be null) becomes the length of all of it,
// without the zero byte; if that is `cap` or more, some is missing. On `VT_OK` the text is empty.
// Otherwise neither is written.
//
// # Safety
// `result` and `len` are each null or writable; `buf` has `cap` writable bytes, and may be null
// if `cap` is 0.
vt_status vt_join_text(vt_fiber fiber,
                       int64_t until,
                       void **result,
                       char *buf,
                       size_t cap,
                       size_t *len);

// Ends a fiber without its consent, and without unwinding it. `[any]` Never waits.
//
// A fiber that waits does not return from the call in which it waits: it makes the calls that it has put
// off with `vt_defer`, its `vt_key` destructors run, and its stack is given up with all that lies on it. One that runs is
// ended in the same way where a call of this library would answer `VT_ECANCELED`, or where it next waits or
// yields; until then it is a canceled fiber, with the reason `VT_CANCEL_KILLED`. One that has not begun
// does not begin, and `drop` gets its argument. Its joiner gets `VT_EFAILED`.
//
// A fiber that masks its cancellation is ended when it does not any more. What it held stays held: locks are not
// released, memory is not freed, but by what it has put off. Prefer `vt_cancel`.
//
// `VT_OK`: it is ended, or will be. `VT_EBUSY`: it runs on the stack of the fiber that joins it (as a fiber may
// that was joined before it began), and is only canceled; kill the joiner. `VT_ESTALE`: it is gone.
// `VT_EINVAL`: it is 0.
vt_status vt_kill(vt_fiber fiber);

// Sets a latch, and wakes everybody who waits for it. `[any]` Never waits.
//
// Doing it twice is the same as once. What the caller did before is visible to whoever finds it set.
// `VT_EINVAL`: `latch` is null or misaligned.
//
// # Safety
// As for `vt_mutex_lock`.
vt_status vt_latch_set(struct vt_latch *latch);

// Waits until a latch is set. `[any]` (A thread sleeps.)
//
// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: it is not set. `VT_ECANCELED`: the caller was canceled
// while it would have had to wait. `VT_EINVAL`: `latch` is null or misaligned, or the deadline is
// negative.
//
// # Safety
// As for `vt_mutex_lock`.
vt_status vt_latch_wait(struct vt_latch *latch,
                        int64_t until);

// Makes a key, which is good as long as its runtime. `[any]`, `[fib]` with null for `rt`.
//
// `dtor` may be null. When a fiber or a thread ends (a fiber in whichever way, also killed), `dtor` gets what it
// has under the key, unless that is null, on that fiber or thread, after the calls of `vt_defer`. What destructors
// set anew is destroyed too, four times over at the most. When the runtime has ended, what threads have
// under its keys is left as it is.
//
// `VT_EINVAL`: `out` is null. `VT_ESTALE`, `VT_ECONTEXT`: as for `vt_spawn`. `VT_ELIMIT`: there were 2^32 keys.
//
// # Safety
// `out` is null or writable. `dtor` may be called with whatever is set under the key.
vt_status vt_key_create(struct vt_runtime *rt,
                        vt_drop dtor,
                        vt_key *out);

// Sets what the calling fiber or thread has under a key; null is nothing. `[any]`
//
// What was there before is the caller's again: no destructor gets it. `VT_ESTALE`: there is no such
// key, or its runtime has ended. `VT_EINVAL`: the key is another runtime's than the calling fiber's.
vt_status vt_local_set(vt_key key,
                       void *to);

// What the calling fiber or thread has under a key. `[any]`
//
// Null if nothing was set, or there is no such key, or it is another runtime's.
void *vt_local_get(vt_key key);

// Takes a mutex, waiting while another fiber or thread holds it. `[any]` (A thread sleeps.)
//
// It may be held across anything that waits. It works before any runtime is created.
//
// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: another holds it. `VT_EDEADLK`: the caller holds it.
// `VT_ECANCELED`: the caller was canceled while it would have had to wait. `VT_EINVAL`: `mutex` is
// null or misaligned, or the deadline is negative.
//
// # Safety
// `mutex` is null, or a live `vt_mutex` that was zero first, and whose word only this library uses.
vt_status vt_mutex_lock(struct vt_mutex *mutex,
                        int64_t until);

// Releases a mutex. `[any]` Never waits.
//
// `VT_EPERM`: it is free, or another's. `VT_EINVAL`: `mutex` is null or misaligned. Either way nothing
// has happened.
//
// # Safety
// As for `vt_mutex_lock`.
vt_status vt_mutex_unlock(struct vt_mutex *mutex);

// Begins a native region. `[any]` (Outside fibers a region means nothing, and costs nothing.)
//
// `flags` is `VT_MAY_BLOCK`, `VT_GC_SAFE`, both or 0; other bits are ignored. Returns what was
// before, for `vt_native_leave`; so regions nest, and a region without flags inside another is
// the way back into code that is not foreign. A fiber that waits inside has left the region until the
// wait is over. It leaves its regions before it ends.
//
// Fibers that are pinned to the thread wait for it. How many threads may be started beside those
// that are blocked is limited (256 by default); beyond that fibers wait.
uint32_t vt_native_enter(uint32_t flags);

// Ends the innermost native region; `old` is what its `vt_native_enter` returned. `[any]`
//
// Back in code that is not foreign it polls, as `vt_poll_slow` does, so others may run first, and the
// fiber may go on on another thread unless it is pinned. `VT_ECANCELED`: it has left, and was canceled.
// `VT_EINVAL`: `old` cannot be what was returned.
vt_status vt_native_leave(uint32_t old);

// Calls `f(arg)` on the own stack of the thread that the calling fiber is on: for foreign code that checks
// its stack, or needs more of it than a fiber has. `[any]` (Elsewhere than on a fiber it just calls.)
//
// The fiber stays on its thread until `f` has returned. What `f` waits for blocks the thread; other fibers
// that are not pinned to it run elsewhere meanwhile. Within `f` this just calls. `errno` is afterwards
// what it was before.
//
// `VT_EINVAL`: `f` is null. `VT_EFAILED`: it is written in Rust, and panicked.
//
// # Safety
// `f` may be called with `arg`.
vt_status vt_call_on_native_stack(vt_fn f,
                                  void *arg);

// Calls `f(arg)`, which is code of the language's own, called back from a native region: it polls, as
// `vt_poll_slow` does, and is outside of the region until `f` has returned. `[any]`
//
// `f` may wait, and the fiber may change threads meanwhile unless it is pinned or on the thread's own
// stack. `VT_EINVAL`: `f` is null. `VT_EFAILED`: it is written in Rust, and panicked. That the fiber is
// canceled `f` learns from its own polls and waits.
//
// # Safety
// `f` may be called with `arg`.
vt_status vt_call_managed(vt_fn f,
                          void *arg);

// Runs `f(arg)` on a thread of a pool; the calling fiber waits for its end, and its worker goes on.
// `[any]`, `[fib]` with null for `rt`. (A plain thread runs it itself.)
//
// `kind` is one of `VT_JOB_...`. The pool starts threads as they are needed, up to a limit; beyond that
// jobs wait in line. As the caller waits until `f` has returned, `arg` may be on its stack. If `f` is
// never called, `drop(arg)` is, unless `drop` is null.
//
// `VT_ECANCELED`: the caller was canceled before `f` was called; after that it is waited for, and the
// answer is `VT_OK`. `VT_EFAILED`: `f`, written in Rust, panicked. `VT_EINVAL`: `f` is null, or no such
// kind. `VT_ECONTEXT`: null for `rt`, not on a fiber. `VT_ESTALE`, `VT_ESHUTDOWN`. `VT_ESYS`: the system
// gave no thread.
//
// # Safety
// `f` may be called with `arg` on another thread, once; `drop` in its place.
vt_status vt_offload(struct vt_runtime *rt,
                     uint32_t kind,
                     vt_fn f,
                     void *arg,
                     vt_drop drop);

// Makes the blocking call `f(arg)` on a thread of a pool, while the calling fiber waits; `unblock(uarg)`
// ends it early. `[any]` (A thread that is not attached makes the call itself, and nobody unblocks it.)
//
// If the caller is canceled meanwhile, as a shutdown does, `unblock(uarg)` is called where it waits, once,
// while `f` runs, or has just returned but its thread has not gone on to anything else. Then the call is
// waited for. When this returns, neither runs any more. `unblock` may be null.
//
// `VT_ECANCELED`: the caller was canceled; `f` was unblocked, or not called. Otherwise as for
// `vt_offload`.
//
// # Safety
// `f` may be called with `arg` on another thread, and `unblock` with `uarg` on this one meanwhile, once
// each.
vt_status vt_call_blocking(vt_fn f,
                           void *arg,
                           vt_fn unblock,
                           void *uarg);

// Waits until somebody unparks the calling fiber. `[fib]`
//
// A fiber has one token. `vt_unpark` gives it, this takes it; so an unpark that comes first is
// not lost, and two that come together are one. Callers look in a loop at what they wait for.
//
// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: no token. `VT_ECANCELED`. `VT_ECONTEXT`.
// `VT_EINVAL`: the deadline is negative.
vt_status vt_park(int64_t until);

// Suspends the calling fiber, and calls `after(self, arg)` once its stack is saved. `[fib]`
//
// From `after` on the fiber may be unparked, resumed and looked at by anybody, so this is the
// place to put it into a queue and to release the lock of that queue. `after` runs on the
// thread, but not on the stack, of the fiber; it must be short, must not wait, and must not use
// the caller's locals once it has made the fiber known to a waker. It may call functions that
// are `[any]` and do not wait. (One that waits blocks the thread; `vt_park` and `vt_suspend` answer
// `VT_ECANCELED` there.) The fiber goes on as after `vt_park`, with the same statuses.
//
// If there is a token already, if the fiber is canceled, or with `VT_NOW`, `after` is called
// nevertheless, exactly once, before this returns. Only with `VT_ECONTEXT` and `VT_EINVAL`
// (`after` is null, or the deadline is negative) it is not.
//
// # Safety
// `after` may be called with `arg`, on this thread, and does not unwind.
vt_status vt_suspend(vt_after after, void *arg, int64_t until);

// Gives a fiber its token, and makes it run if it is parked. `[any]` Never waits. In a signal
// handler, call `vt_unpark_from_signal`.
//
// `VT_ESTALE`: it is gone. `VT_EINVAL`: it is 0.
vt_status vt_unpark(vt_fiber fiber);

// Waits while `*word` is `expect`, until somebody calls `vt_wake` with its address. `[any]`
// (A thread sleeps.)
//
// The test and the beginning of the wait are one step for everybody who changes the word first
// and wakes then. `VT_OK` means "look again": somebody woke the caller, or the word was not
// `expect` in the first place. So it is called in a loop.
//
// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: the word was `expect`. `VT_ECANCELED`.
// `VT_EINVAL`: `word` is null or misaligned, or the deadline is negative.
//
// # Safety
// `word` is null, or a live word that others access only atomically until this returns.
vt_status vt_wait_on(const uint32_t *word, uint32_t expect, int64_t until);

// Wakes up to `n` who wait at the address `word`, oldest first; says how many. `[any]` Never
// waits.
//
// Change the word first. Its address is only compared, never followed. `UINT32_MAX` is all.
uint32_t vt_wake(const uint32_t *word, uint32_t n);

// The calling fiber's hot line, null if the caller is no fiber. `[any]`
//
// To be asked once a fiber, and kept.
struct vt_hot *vt_fiber_hot(void);

// A safepoint that looks at everything: does what the poll word asks for, and lets others run if
// the time slice is used up and others wait. `[fib]`
//
// It reads the clock. Nobody need call it unless the poll word is set: the end of a slice sets it
// while others wait.
//
// `VT_OK`: go on. `VT_ECANCELED`: the fiber is canceled, and not masked; the same answer comes
// at every poll from then on. `VT_ECONTEXT`.
vt_status vt_poll_slow(void);

// Uses up `permille` thousandths of the calling fiber's slice at once. `[fib]`
//
// For work that takes long between two polls, or costs otherwise. When nothing of the slice is left,
// the poll word is set, and the next poll lets others run, if any wait. `VT_ECONTEXT`.
vt_status vt_consume(uint32_t permille);

// Has `handler(fiber, arg)` asked at the end of each slice, while others wait. `[any]`
//
// It takes the place of the one before, of which a call may be under way. Null for `handler`: fibers
// yield, as they do in the beginning. `arg` belongs to the library from the call on, whatever comes of
// it: `drop` gets it when no call will use it any more, at the latest when the runtime is gone.
//
// `VT_ESTALE`, `VT_ECONTEXT`: as for `vt_spawn`.
//
// # Safety
// `handler` may be called with `arg` on any thread, also several at once; afterwards `drop` may, once.
vt_status vt_set_slice_handler(struct vt_runtime *rt,
                               vt_slice_handler handler,
                               void *arg,
                               vt_drop drop);

// The version of the library that runs, as `VT_ABI_VERSION` is that of the header. `[any]` `[sig]`
//
// They fit if the major numbers are equal and the library's minor number is not the smaller one.
uint32_t vt_abi_version(void);

// Makes `*options` a struct of `size` bytes that asks for nothing special. `[any]`
//
// The same as zeros with `size` in the first field. `size` is `sizeof(vt_options)`.
// `VT_EINVAL`: `options` is null or misaligned, or `size` is less than 8 or more than 4096.
//
// # Safety
// `options` is null or points to `size` writable bytes.
vt_status vt_options_init(struct vt_options *options, size_t size);

// Makes a runtime and starts its threads. `[any]`
//
// `options` may be null. The runtime is the caller's, to be given to `vt_runtime_shutdown`.
// Any number of runtimes (up to 1023 at a time) live side by side and know nothing of each
// other. No signal handler and no fork handler is installed.
//
// `VT_EINVAL`: `out` is null, or an option is out of range or not UTF-8, or a processor is not one that the
// process may use, or a runtime that its host drives is to be placed. `VT_EUNSUPPORTED`: an
// option this version does not know. `VT_ELIMIT`: too many runtimes. `VT_ESYS`: no threads or
// no memory to be had.
//
// # Safety
// `options` is null or points to as many readable bytes as its size field says, in which `name`
// is null or ends with a zero byte, `hooks` is null or points to as many readable bytes as its size field says, and
// `cpus` is null or points to `cpu_count` numbers. The hooks may be called on any thread, until the runtime is gone.
// `out` is null or points to a writable pointer.
vt_status vt_runtime_create(const struct vt_options *options,
                            struct vt_runtime **out);

// Ends a runtime: takes no more fibers, ends those it has in the way that `mode` says, joins its
// threads, and frees it. `[any]`, but not on a fiber of this very runtime.
//
// A thread that is attached to it detaches first: it would wait for itself, until the deadline.
//
// On `VT_OK` and `VT_EBUSY` the handle is stale: every function that is given it says
// `VT_ESTALE`. Otherwise it is still good, and shutting down may be tried again, also in a harder
// mode; but once tried, only its own fibers can spawn fibers.
//
// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: draining, and fibers are alive at the deadline.
// `VT_EBUSY`: canceling, and fibers that neither wait nor poll are alive at the deadline; they
// and their threads run on, as if abandoned. `VT_EDUP`: another thread is doing it. `VT_ECONTEXT`:
// called on one of the fibers that it would have to wait for. `VT_EINVAL`: no such mode, or a
// negative deadline. `VT_ESTALE`: shut down already, or never a runtime.
vt_status vt_runtime_shutdown(struct vt_runtime *rt, uint32_t mode, int64_t until);

// Changes the number of threads that run fibers, to 1 to 1024. `[any]` Waits for no fiber.
//
// A thread that is one too many gives away the fibers that may leave it, and then runs only those
// that are pinned to it and have begun; when the last of them has ended, so does the thread, unless
// the number has grown again before. `vt_stats.workers` does not count it meanwhile.
//
// `VT_EINVAL`: `rt` is null, or no such number. `VT_EUNSUPPORTED`: the host drives it. `VT_ESTALE`. `VT_ESHUTDOWN`. `VT_ESYS`: the operating
// system refused a thread; there are as many as it gave.
vt_status vt_runtime_resize(struct vt_runtime *rt,
                            uint32_t workers);

// The runtime of the calling fiber. `[any]`
//
// Null outside fibers, and on a fiber of a runtime that was not made by `vt_runtime_create`.
struct vt_runtime *vt_current(void);

// Numbers about a runtime; null is that of the calling fiber. `[any]`, `[fib]` with null.
//
// `out->size` must be set. `VT_EINVAL`: `out` is null, or its size is impossible. `VT_ESTALE`.
// `VT_ECONTEXT`: null, and not called on a fiber.
//
// # Safety
// `out` is null or points to as many writable bytes as its size field says.
vt_status vt_stats_get(struct vt_runtime *rt, struct vt_stats *out);

// Waits until one of `n` cases can go, and does it, and no other. `[any]` (A thread sleeps.)
//
// `*which` becomes its index, and `cases[*which].status` what came of it. If several can go each is as
// likely as the others. All others are as if they had not been there: what they would have sent is
// still the caller's. Without cases it waits for the deadline. While it waits the caller must not
// change the cases, or what they point to, and must own their channels.
//
// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: none could go; this is how to have a default.
// `VT_ECANCELED`: the caller was canceled while it would have had to wait. `VT_EINVAL`: `cases` is null
// and `n` is not 0, `which` is null, a size is impossible or differs from the first, or a case is one
// that `vt_chan_send`, `vt_chan_recv`, `vt_join` or `vt_fd_wait` would say so of. `VT_EBUSY`: a case's channel has
// an end for one at a time, and there is another; two cases of one call are two. `VT_ELIMIT`: `n` is
// above `VT_SELECT_MAX`. `VT_ESYS`: the operating system refused to watch a descriptor. `VT_EUNSUPPORTED`: a kind, flag or field this version does not know.
// Whatever the answer, if it is not `VT_OK` nothing has happened.
//
// # Safety
// `cases` is null or points to `n` structs, each as long as the size field of the first says. In
// these what the kind names is as the function of the same name wants it, until this returns. `which`
// is null or writable.
vt_status vt_select(struct vt_case *cases,
                    size_t n,
                    int64_t until,
                    size_t *which);

// Makes ready for up to `capacity` wake-ups that are under way from signal handlers. `[any]`
//
// Under way are those that a handler has asked for and no thread of the runtime has come to yet.
// The number is rounded up to a power of two. Called again with no more than there is room for, it
// changes nothing. A runtime for which it is never called pays nothing.
//
// `VT_EINVAL`: `rt` is null, or the capacity is 0 or more than 65536. `VT_EDUP`: it was called before
// with less, and the room cannot grow. `VT_ESTALE`. `VT_EUNSUPPORTED`: not on this operating system
// (only on Linux so far).
vt_status vt_signal_wakes(struct vt_runtime *rt,
                          uint32_t capacity);

// Gives a fiber its token from a signal handler, soon. `[any]` `[sig]` Never waits.
//
// Before the handler can be called, `vt_signal_wakes` was. This only leaves the fiber's id to the
// threads of `rt`, and wakes one if one sleeps; the fiber gets its token as with `vt_unpark` from
// one that has nothing to do, that has run some fibers, or whose fiber calls `vt_poll_slow`. It may
// be a fiber of another runtime. `errno` is left as it is.
//
// `VT_ELIMIT`: there is no room; nothing was done. `VT_ESTALE`: the fiber is gone, or `vt_signal_wakes`
// was not called for `rt`, or the runtime is gone. `VT_EINVAL`: `rt` is null, or the fiber is 0. A
// fiber that ends after this has answered `VT_OK` needs no waking, and nobody is told.
vt_status vt_unpark_from_signal(struct vt_runtime *rt,
                                vt_fiber fiber);

// The name of a status, such as `"VT_EINVAL"`, for messages. `[any]` `[sig]`
//
// Never null; a number that is no status gives `"VT_E?"`. The text is static.
const char *vt_status_name(vt_status status);

// Makes the calling thread one of the runtime's: `vt_current` and null for a runtime mean it from now
// on, and a shutdown waits until it is detached. `[any]`, not on a fiber.
//
// `options` may be null. `*out` is to be given to `vt_thread_detach`, on the same thread, before it ends.
//
// `VT_EINVAL`: `rt` or `out` is null, or an option is wrong, or is one for starting threads. `VT_EUNSUPPORTED`: an option
// this version does not know. `VT_ESTALE`. `VT_ESHUTDOWN`: it is being shut down. `VT_EDUP`: the
// thread is attached already, or runs fibers.
//
// # Safety
// `options` is null or points to as many readable bytes as its size field says, in which `name` is null or
// ends with a zero byte; `out` is null or writable.
vt_status vt_thread_attach(struct vt_runtime *rt,
                           const struct vt_thread_options *options,
                           struct vt_thread **out);

// Undoes `vt_thread_attach`; `thread` is stale from then on. `[any]`
//
// `VT_EINVAL`: it is null, or not attached but dedicated. `VT_ECONTEXT`: not called on the thread that was attached.
// `VT_ESTALE`: detached already, or never attached. Then nothing was done.
vt_status vt_thread_detach(struct vt_thread *thread);

// Keeps the runtime from ending until `vt_guard_release`: a shutdown waits, until its deadline, and until
// then threads may still spawn fibers. `[any]`
//
// `VT_EINVAL`: `rt` or `out` is null. `VT_ESTALE`. `VT_ESHUTDOWN`: it is too late.
//
// # Safety
// `out` is null or writable.
vt_status vt_guard_acquire(struct vt_runtime *rt,
                           struct vt_guard **out);

// Lets the runtime end. `[any]` Null is nothing, and so is a guard that was released already.
void vt_guard_release(struct vt_guard *guard);

// Starts a thread of the runtime's own that runs `entry(arg)`: for what blocks for ever, or needs a thread
// to itself. It is attached, and a shutdown waits for its end; one that cancels ends its waits, and unblocks its
// `vt_call_blocking`, with `VT_ECANCELED`. `[any]`
//
// `options` may be null. `*out` is to be given to `vt_thread_join`; it may be null if the thread is
// `VT_DETACHED`. `arg` belongs to the library from the call on: either `entry` is called with it, or
// `drop`, if that is not null.
//
// `VT_EINVAL`: `rt`, `entry` or `out` is null, or an option is wrong. `VT_EUNSUPPORTED`: an option this
// version does not know. `VT_ESTALE`, `VT_ESHUTDOWN`. `VT_ESYS`: the system gave no thread.
//
// # Safety
// `options` is null or points to as many readable bytes as its size field says, in which `name` is null or
// ends with a zero byte; `out` is null or writable. `entry` may be called with `arg` on another thread,
// once; `drop` in its place.
vt_status vt_thread_spawn(struct vt_runtime *rt,
                          const struct vt_thread_options *options,
                          vt_entry entry,
                          void *arg,
                          vt_drop drop,
                          struct vt_thread **out);

// Waits until a dedicated thread has ended, and takes what its entry returned. `[any]` (A fiber suspends.)
//
// A thread is joined once: after `VT_OK` and `VT_EFAILED` `thread` is stale. `result` may be null, and is written on
// `VT_OK` only.
//
// `VT_EFAILED`: its entry, written in Rust, panicked. `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: it
// runs. `VT_ECANCELED`: the *caller* was canceled. `VT_EBUSY`: another joins it. `VT_EDEADLK`: it is the caller.
// `VT_ESTALE`: it was joined already, or never was. `VT_EINVAL`: it is null, or attached and not dedicated, or the
// deadline is negative.
//
// # Safety
// `result` is null or writable.
vt_status vt_thread_join(struct vt_thread *thread,
                         int64_t until,
                         void **result);

// Makes a timer that goes once, at `at`. `[any]`
//
// A timer is a channel of `vt_tick`, for `vt_chan_recv`, `vt_select`, `vt_chan_close`, `vt_chan_len`,
// `vt_chan_retain` and `vt_chan_release`; nobody can send. Any number of fibers and threads may receive;
// each tick goes to one of them. It costs nothing while nobody waits for it. Once its tick was
// received it is silent, and not closed: whoever receives then waits.
//
// `VT_EINVAL`: `at` is negative, or `out` is null.
//
// # Safety
// `out` is null or writable.
vt_status vt_chan_after(int64_t at,
                        struct vt_chan **out);

// Makes a timer that goes every `period` nanoseconds, first at `first`. `[any]`
//
// As `vt_chan_after`. Its ticks lie on a grid that does not drift. Those that nobody received do not
// pile up: at most one is there, the latest that is due, which says how many were missed before it.
//
// `VT_EINVAL`: `first` is negative, `period` is less than 1, or `out` is null.
//
// # Safety
// `out` is null or writable.
vt_status vt_chan_tick(int64_t first,
                       int64_t period,
                       struct vt_chan **out);

// Calls `f(arg)` at `at`, and, unless `period` is 0, every `period` nanoseconds from there. `[any]`, `[fib]` with
// null for `rt`.
//
// Each call is on a fiber of its own, pinned to its thread, of the runtime (null: of the calling fiber), so
// it may wait; a timer's calls never overlap. It is called up to 229 microseconds after it is due, never
// before, and when a worker has time; where that for which it waits has just risen from sleep, and is kept busy at
// once, another may take it up 8 milliseconds late. The beats of a period do not drift; of those that come due together
// only the latest is called.
//
// `arg` belongs to the library from the call on, whatever comes of the call: `drop` (which may be null) is
// called with it exactly once, when `f` will not be called any more: after the one call, after the stop,
// or when the runtime is shut down, in whatever mode. That ends every timer; a call that is under way is
// canceled as other fibers are, and has to return. From then on the id is stale.
//
// `*out` is written before `f` can be called, and so with `VT_ESHUTDOWN` too; it may be null for a timer that nobody
// will stop.
//
// `VT_EINVAL`: `f` is null, or `at` is negative. `VT_ESHUTDOWN`, `VT_ESTALE`: too late. `VT_ECONTEXT`: `rt` is
// null, and not called on a fiber.
//
// # Safety
// `f` may be called with `arg` on any thread, any number of times, and then `drop`. `out` is null or
// writable.
vt_status vt_timer_start(struct vt_runtime *rt,
                         int64_t at,
                         uint64_t period,
                         vt_fn f,
                         void *arg,
                         vt_drop drop,
                         vt_timer *out);

// Begins a timer anew, also from inside its call: as if it were started with this `at` and `period`. `[any]`,
// `[fib]` with null for `rt`. Never waits.
//
// `VT_EINVAL`: `at` is negative. `VT_ESTALE`: it has ended, or is not of this runtime. `VT_ESHUTDOWN`.
vt_status vt_timer_restart(struct vt_runtime *rt,
                           vt_timer t,
                           int64_t at,
                           uint64_t period);

// Ends a timer, and waits for the call that is under way, if there is one. `[any]`, `[fib]` with null for `rt`.
//
// From inside its own call it does not wait. A fiber that the call waits for must not stop the timer: it
// would wait for itself.
//
// `VT_ESTALE`: it has ended before, or is not of this runtime. `VT_ECANCELED`: the caller was canceled while it
// waited; the timer is not called again all the same.
vt_status vt_timer_stop(struct vt_runtime *rt,
                        vt_timer t);

// As `vt_timer_stop`; waits until the deadline at the longest. `[any]`, `[fib]` with null for `rt`.
//
// `VT_ETIMEDOUT`, or with `VT_NOW` `VT_EAGAIN`: the call goes on. The timer is not called again, and can be
// stopped once more, to wait.
vt_status vt_timer_stop_until(struct vt_runtime *rt,
                              vt_timer t,
                              int64_t until);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/* What needs no function to be made: the same as zeros. */
#define VT_MUTEX_INIT {0}
#define VT_COND_INIT {0}
#define VT_LATCH_INIT {0}

#ifdef __cplusplus
extern "C" {
#endif

// A safepoint: does what is asked of the calling fiber, if anything is. `[fib]`
//
// `hot` is what `vt_fiber_hot` returned on this fiber. One load and one branch that is not taken
// when nothing is asked; then, and with its statuses, `vt_poll_slow`. `VT_ECONTEXT`: `hot` is null.
static inline vt_status vt_poll(const vt_hot *hot) {
  if (hot == NULL) return VT_ECONTEXT;
  return *(const volatile uint32_t *)&hot->poll != 0 ? vt_poll_slow() : VT_OK;
}

#ifdef __cplusplus
}
#endif

#endif /* VITTE_H */
