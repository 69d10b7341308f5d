/* Function by function, what each of the groups of host, threads, locals, polls, regions, ends, timers and descriptors
 * says to arguments that are wrong, and in the wrong place. Whatever it says, nothing is lost, and nobody hangs. */
#include "check.h"
#include <unistd.h>

static uint32_t drops, calls;
static void dropped(void *arg) { add(arg); }
static void call(void *arg) { (void)arg, add(&calls); }
static void *returns(void *arg) { return arg; }
static uint32_t asked(vt_fiber fiber, void *arg) { return (void)fiber, (void)arg, VT_SLICE_YIELD; }

#define GONE ((vt_runtime *)64)
#define MISALIGNED(type) ((type)(uintptr_t)1)

/* How many were dropped since. */
static uint32_t drained(void) { return __atomic_exchange_n(&drops, 0, __ATOMIC_SEQ_CST); }

/* No runtime, one that is gone, one with threads. */
static void host(vt_runtime *threads, vt_runtime *driven) {
  vt_runtime *wrong[] = {NULL, GONE, threads};
  vt_status answers[] = {VT_EINVAL, VT_ESTALE, VT_EINVAL};
  uint32_t steps = 7;
  intptr_t handle = 7;
  for (int i = 0; i < 3; i++) {
    IS(answers[i], vt_run(wrong[i], 0, VT_NOW, &steps));
    IS(answers[i], vt_run_ready(wrong[i], 0, VT_NOW, &steps));
    CHECK(vt_next_deadline(wrong[i]) == answers[i]);
    IS(answers[i], vt_wait_handle(wrong[i], &handle));
    IS(answers[i], vt_set_host_wake(wrong[i], call, &drops, dropped));
    IS(answers[i], vt_set_host_wake(wrong[i], NULL, &drops, dropped));
    CHECK(drained() == 2);
  }
  IS(VT_EINVAL, vt_run(driven, 0, -1, &steps));
  IS(VT_EINVAL, vt_run_ready(driven, 0, -1, &steps));
  IS(VT_EINVAL, vt_run(driven, 0, VT_NOW, MISALIGNED(uint32_t *)));
  IS(VT_EINVAL, vt_run_ready(driven, 0, VT_NOW, MISALIGNED(uint32_t *)));
  IS(VT_EINVAL, vt_wait_handle(driven, NULL));
  IS(VT_EINVAL, vt_wait_handle(driven, MISALIGNED(intptr_t *)));
  CHECK(steps == 7 && handle == 7);
  OK(vt_run_ready(driven, 0, VT_NOW, NULL));
  OK(vt_set_host_wake(driven, NULL, NULL, NULL));
}

static void threads(vt_runtime *rt) {
  vt_thread *thread = NULL;
  vt_guard *guard = NULL;
  vt_thread_options options = {.size = sizeof options};
  IS(VT_EINVAL, vt_thread_attach(NULL, NULL, &thread));
  IS(VT_ESTALE, vt_thread_attach(GONE, NULL, &thread));
  IS(VT_EINVAL, vt_thread_attach(rt, NULL, NULL));
  IS(VT_EINVAL, vt_thread_attach(rt, NULL, MISALIGNED(vt_thread **)));
  IS(VT_EINVAL, vt_thread_attach(rt, MISALIGNED(vt_thread_options *), &thread));
  IS(VT_EINVAL, vt_thread_spawn(NULL, NULL, returns, &drops, dropped, &thread));
  IS(VT_ESTALE, vt_thread_spawn(GONE, NULL, returns, &drops, dropped, &thread));
  IS(VT_EINVAL, vt_thread_spawn(rt, NULL, NULL, &drops, dropped, &thread));
  IS(VT_EINVAL, vt_thread_spawn(rt, NULL, returns, &drops, dropped, NULL));
  IS(VT_EINVAL, vt_thread_spawn(rt, NULL, returns, &drops, dropped, MISALIGNED(vt_thread **)));
  CHECK(drained() == 5);

  options.size = 0;
  IS(VT_EINVAL, vt_thread_attach(rt, &options, &thread));
  IS(VT_EINVAL, vt_thread_spawn(rt, &options, returns, &drops, dropped, &thread));
  options.size = sizeof options;
  options.flags = 1u << 31;
  IS(VT_EUNSUPPORTED, vt_thread_attach(rt, &options, &thread));
  IS(VT_EUNSUPPORTED, vt_thread_spawn(rt, &options, returns, &drops, dropped, &thread));
  options.flags = 0;
  options.name = "\xc3(";
  IS(VT_EINVAL, vt_thread_attach(rt, &options, &thread));
  IS(VT_EINVAL, vt_thread_spawn(rt, &options, returns, &drops, dropped, &thread));
  CHECK(drained() == 3);
  /* Whoever is attached runs already, on a stack of its own. */
  options.name = NULL;
  options.flags = VT_DETACHED;
  IS(VT_EINVAL, vt_thread_attach(rt, &options, &thread));
  options.flags = 0;
  options.stack_size = 1 << 20;
  IS(VT_EINVAL, vt_thread_attach(rt, &options, &thread));
  options.stack_size = SIZE_MAX;
  IS(VT_ESYS, vt_thread_spawn(rt, &options, returns, &drops, dropped, &thread));
  CHECK(drained() == 1 && thread == NULL);

  IS(VT_EINVAL, vt_thread_detach(NULL));
  IS(VT_EINVAL, vt_thread_join(NULL, VT_NOW, NULL));
  OK(vt_thread_spawn(rt, NULL, returns, rt, NULL, &thread));
  IS(VT_EINVAL, vt_thread_join(thread, -1, NULL));
  IS(VT_EINVAL, vt_thread_join(thread, VT_FOREVER, MISALIGNED(void **)));
  OK(vt_thread_join(thread, long_time(), NULL));
  vt_thread *const gone[] = {thread, (vt_thread *)(void *)&options, MISALIGNED(vt_thread *), (vt_thread *)UINTPTR_MAX};
  for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
    IS(VT_ESTALE, vt_thread_join(gone[i], VT_FOREVER, NULL));
    IS(VT_ESTALE, vt_thread_detach(gone[i]));
    vt_guard_release((vt_guard *)gone[i]);
  }

  IS(VT_EINVAL, vt_guard_acquire(NULL, &guard));
  IS(VT_ESTALE, vt_guard_acquire(GONE, &guard));
  IS(VT_EINVAL, vt_guard_acquire(rt, NULL));
  IS(VT_EINVAL, vt_guard_acquire(rt, MISALIGNED(vt_guard **)));
  CHECK(guard == NULL);
  vt_guard_release(NULL);

  IS(VT_ECONTEXT, vt_offload(NULL, VT_JOB_IO, call, &drops, dropped));
  IS(VT_ESTALE, vt_offload(GONE, VT_JOB_IO, call, &drops, dropped));
  IS(VT_EINVAL, vt_offload(rt, UINT32_MAX, call, &drops, dropped));
  IS(VT_EINVAL, vt_offload(rt, VT_JOB_CPU, NULL, &drops, dropped));
  CHECK(drained() == 4 && get(&calls) == 0);
  CHECK(vt_current() == NULL);
}

static void locals(vt_runtime *rt) {
  vt_key key = 7;
  IS(VT_ECONTEXT, vt_key_create(NULL, NULL, &key));
  IS(VT_ESTALE, vt_key_create(GONE, NULL, &key));
  IS(VT_EINVAL, vt_key_create(rt, NULL, NULL));
  IS(VT_EINVAL, vt_key_create(rt, NULL, MISALIGNED(vt_key *)));
  CHECK(key == 7);
  IS(VT_ESTALE, vt_local_set(0, &key));
  IS(VT_ESTALE, vt_local_set(UINT32_MAX, &key));
  CHECK(vt_local_get(0) == NULL && vt_local_get(UINT32_MAX) == NULL);
}

static void polls(vt_runtime *rt) {
  IS(VT_ECONTEXT, vt_poll_slow());
  IS(VT_ECONTEXT, vt_poll(NULL));
  IS(VT_ECONTEXT, vt_consume(0));
  IS(VT_ECONTEXT, vt_consume(UINT32_MAX));
  IS(VT_ECONTEXT, vt_set_slice_handler(NULL, asked, &drops, dropped));
  IS(VT_ESTALE, vt_set_slice_handler(GONE, asked, &drops, dropped));
  IS(VT_ESTALE, vt_set_slice_handler(GONE, NULL, &drops, dropped));
  CHECK(drained() == 3);
  IS(VT_EINVAL, vt_interrupt(0, call, &drops, dropped));
  IS(VT_ESTALE, vt_interrupt(42, call, &drops, dropped));
  IS(VT_ESTALE, vt_interrupt(UINT64_MAX, call, &drops, dropped));
  CHECK(drained() == 3);
  vt_jit_layout layout = {.size = 0};
  IS(VT_EINVAL, vt_jit_layout_get(rt, &layout));
  layout.size = sizeof layout;
  IS(VT_ECONTEXT, vt_jit_layout_get(NULL, &layout));
  IS(VT_ESTALE, vt_jit_layout_get(GONE, &layout));
  IS(VT_EINVAL, vt_jit_layout_get(rt, NULL));
  IS(VT_EINVAL, vt_jit_layout_get(rt, MISALIGNED(vt_jit_layout *)));
}

/* Outside fibers regions mean nothing, and the rest just calls. */
static void regions(void) {
  CHECK(vt_native_enter(UINT32_MAX) == 0);
  OK(vt_native_leave(0));
  OK(vt_native_leave(0));
  IS(VT_EINVAL, vt_call_blocking(NULL, NULL, call, NULL));
  IS(VT_EINVAL, vt_call_on_native_stack(NULL, NULL));
  IS(VT_EINVAL, vt_call_managed(NULL, NULL));
  CHECK(get(&calls) == 0);
  OK(vt_call_blocking(call, NULL, NULL, NULL));
  OK(vt_call_on_native_stack(call, NULL));
  OK(vt_call_managed(call, NULL));
  CHECK(get(&calls) == 3);
}

static void ends(vt_runtime *rt) {
  int32_t reason = 7;
  vt_group *group = NULL;
  const vt_fiber nobody[] = {1, 42, UINT64_MAX, (uint64_t)1 << 32, UINT32_MAX};
  for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
    IS(VT_ESTALE, vt_cancel(nobody[i], 1));
    IS(VT_ESTALE, vt_cancel_reason(nobody[i], &reason));
    IS(VT_ESTALE, vt_kill(nobody[i]));
  }
  IS(VT_EINVAL, vt_cancel(0, 1));
  IS(VT_EINVAL, vt_cancel(42, INT32_MIN));
  IS(VT_EINVAL, vt_cancel_reason(0, NULL));
  IS(VT_EINVAL, vt_cancel_reason(0, MISALIGNED(int32_t *)));
  IS(VT_EAGAIN, vt_cancel_reason(0, &reason));
  IS(VT_EINVAL, vt_kill(0));
  IS(VT_EINVAL, vt_defer(NULL, NULL));
  CHECK(reason == 7 && vt_cancel_mask(0) == 0);

  IS(VT_ECONTEXT, vt_group_create(NULL, 0, &group));
  IS(VT_ESTALE, vt_group_create(GONE, 0, &group));
  IS(VT_EINVAL, vt_group_create(rt, 0, NULL));
  IS(VT_EINVAL, vt_group_create(rt, 0, MISALIGNED(vt_group **)));
  CHECK(group == NULL);
  IS(VT_EINVAL, vt_group_wait(NULL, VT_NOW));
  IS(VT_EINVAL, vt_group_cancel(NULL, 0));
  OK(vt_group_release(NULL));
  OK(vt_group_create(rt, 1, &group));
  IS(VT_EINVAL, vt_group_wait(group, -1));
  IS(VT_EINVAL, vt_group_cancel(group, VT_CANCEL_SHUTDOWN));
  OK(vt_group_wait(group, VT_NOW));
  OK(vt_group_release(group));
}

static void timers(vt_runtime *rt) {
  vt_timer timer = 7;
  IS(VT_ECONTEXT, vt_timer_start(NULL, VT_NOW, 0, call, &drops, dropped, &timer));
  IS(VT_ESTALE, vt_timer_start(GONE, VT_NOW, 0, call, &drops, dropped, &timer));
  IS(VT_EINVAL, vt_timer_start(rt, -1, 0, call, &drops, dropped, &timer));
  IS(VT_EINVAL, vt_timer_start(rt, VT_NOW, 0, NULL, &drops, dropped, &timer));
  IS(VT_EINVAL, vt_timer_start(rt, VT_NOW, 0, call, &drops, dropped, MISALIGNED(vt_timer *)));
  CHECK(drained() == 5 && timer == 7);
  const vt_timer nobody[] = {0, 7, UINT64_MAX};
  for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
    IS(VT_ESTALE, vt_timer_restart(rt, nobody[i], VT_NOW, 0));
    IS(VT_ESTALE, vt_timer_stop(rt, nobody[i]));
    IS(VT_ESTALE, vt_timer_stop_until(rt, nobody[i], VT_NOW));
    IS(VT_ESTALE, vt_timer_stop(GONE, nobody[i]));
    IS(VT_ECONTEXT, vt_timer_stop(NULL, nobody[i]));
    IS(VT_ECONTEXT, vt_timer_restart(NULL, nobody[i], VT_NOW, 0));
  }
  OK(vt_timer_start(rt, VT_FOREVER, 0, call, &drops, dropped, &timer));
  IS(VT_EINVAL, vt_timer_restart(rt, timer, -1, 0));
  IS(VT_EINVAL, vt_timer_stop_until(rt, timer, -1));
  OK(vt_timer_stop(rt, timer));
  CHECK(drained() == 1);
}

static void descriptors(vt_runtime *rt) {
  uint32_t got = 7;
  int ends[2];
  CHECK(pipe(ends) == 0);
  IS(VT_EINVAL, vt_fd_wait(-1, VT_FD_READ, VT_NOW, &got));
  IS(VT_EINVAL, vt_fd_wait(INTPTR_MAX, VT_FD_READ, VT_NOW, &got));
  IS(VT_EINVAL, vt_fd_wait(ends[0], 0, VT_NOW, &got));
  IS(VT_EUNSUPPORTED, vt_fd_wait(ends[0], 1u << 31, VT_NOW, &got));
  IS(VT_EINVAL, vt_fd_wait(ends[0], VT_FD_READ, -1, &got));
  IS(VT_EINVAL, vt_fd_wait(ends[0], VT_FD_READ, VT_NOW, MISALIGNED(uint32_t *)));
  CHECK(got == 7);
  IS(VT_ECONTEXT, vt_fd_forget(NULL, ends[0]));
  IS(VT_ESTALE, vt_fd_forget(GONE, ends[0]));
  IS(VT_EINVAL, vt_fd_forget(rt, -1));
  IS(VT_EINVAL, vt_fd_forget(rt, INTPTR_MAX));
  OK(vt_fd_forget(rt, ends[0]));
  close(ends[0]), close(ends[1]);
  IS(VT_EINVAL, vt_fd_wait(ends[0], VT_FD_READ, VT_NOW, &got));
}

/* What is for threads, on a fiber. */
static void *on_a_fiber(void *rt) {
  vt_thread *thread;
  IS(VT_ECONTEXT, vt_run(rt, 0, VT_NOW, NULL));
  IS(VT_ECONTEXT, vt_run_ready(rt, 0, VT_NOW, NULL));
  IS(VT_EDUP, vt_thread_attach(vt_current(), NULL, &thread));
  IS(VT_EINVAL, vt_native_leave(UINT32_MAX));
  IS(VT_EINVAL, vt_interrupt(vt_fiber_self(), NULL, &drops, dropped));
  CHECK(drained() == 1);
  OK(vt_consume(UINT32_MAX));
  OK(vt_poll(vt_fiber_hot()));
  return rt;
}

int main(void) {
  vt_runtime *rt = runtime(1), *driven = NULL;
  vt_options options;
  OK(vt_options_init(&options, sizeof options));
  options.flags = VT_HOST_DRIVEN;
  OK(vt_runtime_create(&options, &driven));
  host(rt, driven);
  threads(rt);
  locals(rt);
  polls(rt);
  regions();
  ends(rt);
  timers(rt);
  descriptors(rt);
  CHECK(run(rt, on_a_fiber, driven) == driven);
  end(driven);
  end(rt);
  CHECK(drained() == 0);
  puts("ok");
  return 0;
}
