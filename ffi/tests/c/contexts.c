/* Every function, with every kind of wrong argument, from every place from which C is called: it answers with one of
 * the statuses that there are, and does nothing worse. And waits, where one should not: they just take their time. */
#include "check.h"
#include <pthread.h>
#include <unistd.h>

#define COUNT(array) (sizeof array / sizeof *array)
#define CROOKED(type) ((type)(uintptr_t)1)

static vt_runtime *rt, *other, *gone;
static vt_thread *used_up;
static vt_chan *bounded, *pair, *broadcast, *subscription, *ticks;
static uint32_t drops;

static void dropped(void *arg) { (void)arg, add(&drops); }
static void nothing(void *arg) { (void)arg; }
static void *returns(void *arg) { return arg; }
static void after(vt_fiber fiber, void *arg) { (void)fiber, (void)arg; }
static uint32_t asked(vt_fiber fiber, void *arg) { return (void)fiber, (void)arg, VT_SLICE_YIELD; }

static void known(vt_status status, const char *call, const char *place) {
  int is = strcmp(vt_status_name(status), "VT_E?") != 0 && status != VT_EINTERNAL;
  if (!is) fprintf(stderr, "%s: %s: %d\n", place, call, status);
  CHECK(is);
}

#define ASK(call) (known(call, #call, place))
/* Asks what must not succeed. */
#define NO(call)                                                             \
  do {                                                                       \
    vt_status said = call;                                                   \
    known(said, #call, place);                                               \
    if (said == VT_OK) fprintf(stderr, "%s: %s: VT_OK\n", place, #call);     \
    CHECK(said != VT_OK);                                                    \
  } while (0)

static const int64_t untils[] = {-1, INT64_MIN, VT_NOW, 1};

/* Runtimes that are none, and a good one for other wrong arguments. */
static void runtimes(const char *place) {
  vt_runtime *const wrong[] = {NULL, gone, CROOKED(vt_runtime *), (vt_runtime *)UINTPTR_MAX, (vt_runtime *)&drops};
  uint32_t steps;
  intptr_t handle;
  vt_stats stats = {.size = sizeof stats};
  vt_options options;
  vt_runtime *out;
  vt_fiber fiber;
  vt_timer timer;
  for (size_t i = 0; i < COUNT(wrong); i++) {
    vt_runtime *it = wrong[i];
    NO(vt_runtime_shutdown(it, VT_SHUTDOWN_DRAIN, VT_FOREVER));
    NO(vt_runtime_resize(it, 1));
    NO(vt_run(it, 1, VT_NOW, &steps));
    NO(vt_run_ready(it, 1, VT_NOW, &steps));
    CHECK(vt_next_deadline(it) < 0);
    NO(vt_wait_handle(it, &handle));
    NO(vt_set_host_wake(it, nothing, NULL, dropped));
    NO(vt_signal_wakes(it, 8));
    NO(vt_unpark_from_signal(it, 7));
    if (it == NULL) continue;
    NO(vt_stats_get(it, &stats));
    NO(vt_spawn(it, NULL, returns, NULL, dropped, &fiber));
    NO(vt_timer_start(it, VT_NOW, 0, nothing, NULL, dropped, &timer));
    NO(vt_set_slice_handler(it, asked, NULL, dropped));
    NO(vt_fd_forget(it, 0));
    NO(vt_offload(it, VT_JOB_IO, nothing, NULL, dropped));
  }
  ASK(vt_stats_get(NULL, &stats));
  stats.size = 4097;
  NO(vt_stats_get(rt, &stats));
  NO(vt_stats_get(rt, NULL));
  NO(vt_stats_get(rt, CROOKED(vt_stats *)));
  NO(vt_runtime_shutdown(rt, UINT32_MAX, VT_NOW));
  NO(vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, -1));
  NO(vt_runtime_resize(rt, 0));
  NO(vt_runtime_resize(rt, UINT32_MAX));
  NO(vt_signal_wakes(rt, 0));
  NO(vt_signal_wakes(rt, UINT32_MAX));
  NO(vt_run(rt, 1, VT_NOW, NULL));
  NO(vt_wait_handle(rt, NULL));
  NO(vt_runtime_create(NULL, NULL));
  NO(vt_runtime_create(NULL, CROOKED(vt_runtime **)));
  NO(vt_runtime_create(CROOKED(vt_options *), &out));
  static uint32_t cpus[1];
  const vt_options bad[] = {
      {.size = 7},
      {.size = 4097},
      {.size = sizeof options, .flags = UINT32_MAX},
      {.size = sizeof options, .workers = UINT32_MAX},
      {.size = sizeof options, .workers = 1025},
      {.size = sizeof options, .workers = 1, .flags = VT_HOST_DRIVEN},
      {.size = sizeof options, .stack_size = SIZE_MAX},
      {.size = sizeof options, .stack_size = SIZE_MAX / 2 + 2},
      {.size = sizeof options, .name = "\xff"},
      {.size = sizeof options, .affinity = UINT32_MAX},
      {.size = sizeof options, .affinity = VT_AFFINITY_SET},
      {.size = sizeof options, .affinity = VT_AFFINITY_SET, .cpu_count = 1},
      {.size = sizeof options, .affinity = VT_AFFINITY_SET, .cpus = CROOKED(uint32_t *), .cpu_count = 1},
      {.size = sizeof options, .affinity = VT_AFFINITY_SET, .cpus = cpus, .cpu_count = SIZE_MAX},
      {.size = sizeof options, .affinity = VT_AFFINITY_EACH, .cpus = cpus, .cpu_count = SIZE_MAX / 4},
      {.size = sizeof options, .rsv = 1},
      {.size = sizeof options, .hooks = CROOKED(vt_hooks *)},
  };
  for (size_t i = 0; i < COUNT(bad); i++) NO(vt_runtime_create(&bad[i], &out));
}

static void fibers(const char *place) {
  const vt_fiber nobody[] = {0, 1, 42, UINT64_MAX, (uint64_t)1 << 32, UINT32_MAX, INT64_MAX};
  vt_stack_info info = {.size = sizeof info};
  void *result, *args[2] = {NULL, NULL};
  char text[4];
  size_t len;
  int32_t reason;
  vt_fiber fiber, out[2];
  for (size_t i = 0; i < COUNT(nobody); i++) {
    vt_fiber it = nobody[i];
    NO(vt_join(it, VT_FOREVER, &result));
    NO(vt_join_text(it, VT_FOREVER, &result, text, sizeof text, &len));
    NO(vt_join_text(it, VT_FOREVER, &result, text, SIZE_MAX, &len));
    NO(vt_unpark(it));
    NO(vt_unpark_from_signal(rt, it));
    NO(vt_cancel(it, 0));
    if (it != 0) NO(vt_cancel_reason(it, &reason));
    NO(vt_kill(it));
    NO(vt_interrupt(it, nothing, NULL, dropped));
    NO(vt_fiber_info(it, &info));
    NO(vt_fiber_set_priority(it, VT_PRIORITY_NORMAL));
  }
  NO(vt_fiber_set_priority(1, INT32_MAX));
  NO(vt_fiber_info(1, NULL));
  NO(vt_fiber_info(1, CROOKED(vt_stack_info *)));
  NO(vt_cancel(1, INT32_MIN));
  NO(vt_join(1, -1, &result));
  NO(vt_join(1, VT_FOREVER, CROOKED(void **)));
  NO(vt_join_text(1, VT_FOREVER, NULL, NULL, 1, NULL));
  NO(vt_join_text(1, VT_FOREVER, NULL, NULL, 0, CROOKED(size_t *)));
  NO(vt_interrupt(1, NULL, NULL, dropped));
  ASK(vt_cancel_reason(0, &reason));
  NO(vt_cancel_reason(0, NULL));
  NO(vt_fiber_reserve(SIZE_MAX));
  NO(vt_fiber_reserve(SIZE_MAX / 2));
  NO(vt_park(-1));
  NO(vt_suspend(NULL, NULL, VT_NOW));
  NO(vt_suspend(after, NULL, INT64_MIN));
  NO(vt_sleep_until(-1));
  OK(vt_sleep_until(VT_NOW));
  NO(vt_wait_on(NULL, 0, VT_NOW));
  NO(vt_wait_on(CROOKED(uint32_t *), 0, VT_NOW));
  NO(vt_wait_on(&drops, 0, -1));
  CHECK(vt_wake(NULL, UINT32_MAX) == 0 && vt_wake(CROOKED(uint32_t *), 1) == 0);
  NO(vt_spawn(rt, NULL, NULL, NULL, dropped, &fiber));
  NO(vt_spawn(rt, NULL, returns, NULL, dropped, NULL));
  NO(vt_spawn(rt, NULL, returns, NULL, dropped, CROOKED(vt_fiber *)));
  NO(vt_spawn(rt, CROOKED(vt_fiber_options *), returns, NULL, dropped, &fiber));
  const vt_fiber_options bad[] = {
      {.size = 0},
      {.size = sizeof bad[0], .flags = UINT32_MAX},
      {.size = sizeof bad[0], .stack_size = SIZE_MAX},
      {.size = sizeof bad[0], .stack_size = SIZE_MAX / 2 + 1},
      {.size = sizeof bad[0], .name = "\xff"},
      {.size = sizeof bad[0], .priority = INT32_MIN},
      {.size = sizeof bad[0], .rsv = 1},
      {.size = sizeof bad[0], .group_deadline = 1},
      {.size = sizeof bad[0], .group_deadline = -1},
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    NO(vt_spawn(rt, &bad[i], returns, NULL, dropped, &fiber));
    set(&drops, 0);
    NO(vt_spawn_many(rt, &bad[i], returns, args, 2, dropped, out));
    CHECK(get(&drops) >= 2 && out[0] == 0 && out[1] == 0);
  }
  set(&drops, 0);
  NO(vt_spawn_many(rt, NULL, NULL, args, 2, dropped, out));
  NO(vt_spawn_many(rt, NULL, returns, args, 2, dropped, NULL));
  NO(vt_spawn_many(rt, NULL, returns, args, 2, dropped, CROOKED(vt_fiber *)));
  NO(vt_spawn_many(gone, NULL, returns, args, 2, dropped, out));
  CHECK(get(&drops) >= 8);
  NO(vt_spawn_many(rt, NULL, returns, NULL, 2, dropped, out));
  NO(vt_spawn_many(rt, NULL, returns, NULL, SIZE_MAX, dropped, out));
  NO(vt_spawn_many(rt, NULL, returns, CROOKED(void **), 2, dropped, out));
  OK(vt_spawn_many(rt, NULL, returns, NULL, 0, dropped, NULL));
}

static void channels(const char *place) {
  vt_chan *out;
  uint32_t value;
  for (size_t i = 0; i < COUNT(untils); i++) {
    NO(vt_chan_send(NULL, &value, untils[i]));
    NO(vt_chan_recv(NULL, &value, untils[i]));
    NO(vt_chan_send(bounded, NULL, untils[i]));
    NO(vt_chan_recv(bounded, NULL, untils[i]));
    NO(vt_chan_recv(bounded, &value, untils[i]));
    NO(vt_chan_recv(pair, &value, untils[i]));
    NO(vt_chan_recv(broadcast, &value, untils[i]));
    NO(vt_chan_recv(subscription, &value, untils[i]));
    NO(vt_chan_send(subscription, &value, untils[i]));
    NO(vt_chan_send(ticks, &value, untils[i]));
    NO(vt_chan_recv(ticks, NULL, untils[i]));
  }
  NO(vt_chan_close(NULL));
  NO(vt_chan_close(subscription));
  CHECK(vt_chan_len(NULL) == 0 && vt_chan_missed(NULL) == 0 && vt_chan_missed(bounded) == 0);
  vt_chan_retain(NULL), vt_chan_release(NULL);
  vt_chan_retain(bounded), vt_chan_release(bounded);
  NO(vt_chan_subscribe(NULL, &out));
  NO(vt_chan_subscribe(bounded, &out));
  NO(vt_chan_subscribe(broadcast, NULL));
  NO(vt_chan_subscribe(broadcast, CROOKED(vt_chan **)));
  NO(vt_chan_after(-1, &out));
  NO(vt_chan_after(VT_NOW, NULL));
  NO(vt_chan_tick(0, 0, &out));
  NO(vt_chan_tick(0, INT64_MIN, &out));
  NO(vt_chan_tick(-1, 1, &out));
  for (uint32_t kind = 0; kind < 8; kind++) {
    NO(vt_chan_create(kind, SIZE_MAX, 1, NULL, &out));
    NO(vt_chan_create(kind, 1, SIZE_MAX, NULL, &out));
    NO(vt_chan_create(kind, 4, 1, NULL, NULL));
    NO(vt_chan_create(kind, 4, 1, NULL, CROOKED(vt_chan **)));
  }
  NO(vt_chan_create(UINT32_MAX, 4, 1, NULL, &out));
  NO(vt_chan_create_with(NULL, &out));
  NO(vt_chan_create_with(CROOKED(vt_chan_options *), &out));
  const vt_chan_options bad[] = {{.size = 0}, {.size = 4097}, {.size = sizeof bad[0], .kind = 77}};
  for (size_t i = 0; i < COUNT(bad); i++) NO(vt_chan_create_with(&bad[i], &out));
  vt_tick tick;
  OK(vt_chan_tick(INT64_MAX, INT64_MAX, &out));
  NO(vt_chan_recv(out, &tick, VT_NOW));
  vt_chan_release(out);
  OK(vt_chan_tick(0, 1, &out));
  OK(vt_chan_recv(out, &tick, VT_NOW));
  vt_chan_release(out);
}

static void selects(const char *place) {
  size_t which;
  uint32_t value;
  const vt_case bad[] = {
      {.size = 0},
      {.size = 8},
      {.size = 44},
      {.size = 4096 + 8},
      {.size = sizeof bad[0], .kind = UINT32_MAX},
      {.size = sizeof bad[0], .flags = 1},
      {.size = sizeof bad[0], .kind = VT_CASE_RECV},
      {.size = sizeof bad[0], .kind = VT_CASE_RECV, .chan = bounded},
      {.size = sizeof bad[0], .kind = VT_CASE_SEND, .chan = subscription, .elem = &value},
      {.size = sizeof bad[0], .kind = VT_CASE_SEND, .chan = ticks, .elem = &value},
      {.size = sizeof bad[0], .kind = VT_CASE_RECV, .chan = broadcast, .elem = &value},
      {.size = sizeof bad[0], .kind = VT_CASE_JOIN},
      {.size = sizeof bad[0], .kind = VT_CASE_JOIN, .fiber = 1, .elem = CROOKED(void *)},
      {.size = sizeof bad[0], .kind = VT_CASE_AT, .deadline = -1},
      {.size = sizeof bad[0], .kind = VT_CASE_FD, .fd = -1, .events = VT_FD_READ},
      {.size = sizeof bad[0], .kind = VT_CASE_FD, .fd = INT32_MAX, .events = VT_FD_READ},
      {.size = sizeof bad[0], .kind = VT_CASE_FD, .fd = 0, .events = 0},
      {.size = sizeof bad[0], .kind = VT_CASE_FD, .fd = 0, .events = UINT32_MAX},
      {.size = sizeof bad[0], .kind = VT_CASE_FD, .fd = 0, .events = VT_FD_READ, .elem = CROOKED(void *)},
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    vt_case cases[2] = {bad[i], bad[i]};
    vt_status got = vt_select(cases, 1, VT_NOW, &which);
    known(got, "vt_select", place);
    CHECK(got != VT_OK || cases[0].status != VT_OK);
    got = vt_select(cases, 2, VT_NOW, &which);
    known(got, "vt_select", place);
    CHECK(got != VT_OK || cases[which].status != VT_OK);
  }
  NO(vt_select(NULL, 1, VT_NOW, &which));
  NO(vt_select(NULL, SIZE_MAX, VT_NOW, &which));
  NO(vt_select(CROOKED(vt_case *), 1, VT_NOW, &which));
  NO(vt_select(NULL, 0, VT_NOW, NULL));
  NO(vt_select(NULL, 0, VT_NOW, CROOKED(size_t *)));
  NO(vt_select(NULL, 0, -1, &which));
  NO(vt_select(NULL, 0, VT_NOW, &which));
  NO(vt_select(NULL, 0, 1, &which));
}

static void locks(const char *place) {
  static vt_mutex mutex;
  static vt_cond cond;
  static vt_latch latch;
  vt_mutex mine = VT_MUTEX_INIT;
  for (size_t i = 0; i < COUNT(untils); i++) {
    int64_t at = untils[i];
    NO(vt_mutex_lock(NULL, at));
    NO(vt_mutex_lock(CROOKED(vt_mutex *), at));
    NO(vt_cond_wait(NULL, &mutex, at));
    NO(vt_cond_wait(&cond, NULL, at));
    NO(vt_cond_wait(CROOKED(vt_cond *), &mutex, at));
    NO(vt_cond_wait(&cond, &mutex, at));
    NO(vt_latch_wait(NULL, at));
    NO(vt_latch_wait(CROOKED(vt_latch *), at));
    NO(vt_latch_wait(&latch, at));
  }
  NO(vt_mutex_lock(&mine, -1));
  NO(vt_mutex_unlock(NULL));
  NO(vt_mutex_unlock(CROOKED(vt_mutex *)));
  NO(vt_mutex_unlock(&mine));
  OK(vt_mutex_lock(&mine, VT_NOW));
  NO(vt_mutex_lock(&mine, VT_NOW));
  NO(vt_mutex_lock(&mine, VT_FOREVER));
  OK(vt_mutex_unlock(&mine));
  NO(vt_mutex_unlock(&mine));
  CHECK(vt_cond_wake(NULL, 1) == 0 && vt_cond_wake(CROOKED(vt_cond *), 1) == 0);
  NO(vt_latch_set(NULL));
  NO(vt_latch_set(CROOKED(vt_latch *)));
  /* Words that are no mutex. */
  for (uint32_t word = 1; word != 0; word <<= 1) {
    vt_mutex odd = {word};
    ASK(vt_mutex_lock(&odd, VT_NOW));
  }
}

static void the_rest(const char *place) {
  vt_thread *const wrong[] = {NULL, used_up, CROOKED(vt_thread *), (vt_thread *)UINTPTR_MAX, (vt_thread *)&drops};
  vt_thread *thread;
  vt_guard *guard;
  vt_group *group;
  vt_key key;
  vt_timer timer;
  uint32_t got;
  vt_jit_layout layout = {.size = sizeof layout};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    NO(vt_thread_detach(wrong[i]));
    NO(vt_thread_join(wrong[i], VT_FOREVER, NULL));
    vt_guard_release((vt_guard *)wrong[i]);
  }
  NO(vt_thread_attach(NULL, NULL, &thread));
  NO(vt_thread_attach(gone, NULL, &thread));
  NO(vt_thread_attach(rt, NULL, NULL));
  const vt_thread_options bad[] = {{.size = 0}, {.size = sizeof bad[0], .flags = 2}, {.size = sizeof bad[0], .name = "\xff"}};
  for (size_t i = 0; i < COUNT(bad); i++) {
    NO(vt_thread_attach(rt, &bad[i], &thread));
    NO(vt_thread_spawn(rt, &bad[i], returns, NULL, dropped, &thread));
  }
  NO(vt_thread_spawn(gone, NULL, returns, NULL, dropped, &thread));
  NO(vt_thread_spawn(rt, NULL, NULL, NULL, dropped, &thread));
  NO(vt_thread_spawn(rt, NULL, returns, NULL, dropped, NULL));
  NO(vt_guard_acquire(gone, &guard));
  NO(vt_guard_acquire(rt, NULL));
  OK(vt_guard_acquire(rt, &guard));
  vt_guard_release(guard), vt_guard_release(guard);

  NO(vt_group_create(gone, 0, &group));
  NO(vt_group_create(rt, 0, NULL));
  NO(vt_group_wait(NULL, VT_NOW));
  NO(vt_group_cancel(NULL, 0));
  OK(vt_group_release(NULL));
  OK(vt_group_create(rt, UINT32_MAX, &group));
  NO(vt_group_cancel(group, INT32_MIN));
  NO(vt_group_wait(group, -1));
  OK(vt_group_wait(group, VT_NOW));
  OK(vt_group_release(group));

  NO(vt_key_create(gone, NULL, &key));
  NO(vt_key_create(rt, NULL, NULL));
  NO(vt_local_set(0, NULL));
  NO(vt_local_set(UINT32_MAX, NULL));
  CHECK(vt_local_get(0) == NULL && vt_local_get(UINT32_MAX) == NULL);
  NO(vt_defer(NULL, NULL));

  NO(vt_timer_start(rt, -1, 0, nothing, NULL, dropped, &timer));
  NO(vt_timer_start(rt, VT_NOW, 0, NULL, NULL, dropped, &timer));
  NO(vt_timer_start(rt, VT_NOW, 0, nothing, NULL, dropped, CROOKED(vt_timer *)));
  NO(vt_timer_restart(rt, UINT64_MAX, VT_NOW, 0));
  NO(vt_timer_stop(rt, 0));
  NO(vt_timer_stop_until(rt, 0, VT_NOW));
  OK(vt_timer_start(rt, INT64_MAX, UINT64_MAX, nothing, NULL, dropped, &timer));
  OK(vt_timer_restart(rt, timer, INT64_MAX - 1, UINT64_MAX));
  NO(vt_timer_restart(other, timer, VT_NOW, 0));
  OK(vt_timer_stop_until(rt, timer, VT_NOW));
  NO(vt_timer_stop(rt, timer));

  NO(vt_fd_wait(-1, VT_FD_READ, VT_NOW, &got));
  NO(vt_fd_wait(INTPTR_MIN, VT_FD_READ, VT_NOW, &got));
  NO(vt_fd_wait(INT32_MAX, VT_FD_READ, VT_NOW, &got));
  NO(vt_fd_wait(0, 0, VT_NOW, &got));
  NO(vt_fd_wait(0, VT_FD_READ, -1, &got));
  NO(vt_fd_wait(0, VT_FD_READ, VT_NOW, CROOKED(uint32_t *)));
  NO(vt_fd_forget(rt, -1));
  OK(vt_fd_forget(rt, INT32_MAX));

  NO(vt_offload(rt, UINT32_MAX, nothing, NULL, dropped));
  NO(vt_offload(rt, VT_JOB_IO, NULL, NULL, dropped));
  NO(vt_call_blocking(NULL, NULL, nothing, NULL));
  NO(vt_call_on_native_stack(NULL, NULL));
  NO(vt_call_managed(NULL, NULL));
  OK(vt_call_managed(nothing, NULL));
  OK(vt_call_on_native_stack(nothing, NULL));
  uint32_t old = vt_native_enter(UINT32_MAX);
  CHECK(old <= (VT_MAY_BLOCK | VT_GC_SAFE));
  NO(vt_native_leave(UINT32_MAX));
  ASK(vt_native_leave(old));

  NO(vt_jit_layout_get(gone, &layout));
  NO(vt_jit_layout_get(rt, NULL));
  NO(vt_jit_layout_get(rt, CROOKED(vt_jit_layout *)));
  OK(vt_jit_layout_get(rt, &layout));
  NO(vt_options_init(NULL, 8));
  NO(vt_poll(NULL));
  if (vt_fiber_self() == 0) {
    NO(vt_poll_slow());
    NO(vt_consume(UINT32_MAX));
    NO(vt_fiber_pin(1));
    NO(vt_park(VT_NOW));
    NO(vt_suspend(after, NULL, VT_NOW));
    NO(vt_fiber_reserve(0));
    CHECK(vt_fiber_hot() == NULL);
  }
  vt_cancel_mask(vt_cancel_mask(1));
  OK(vt_yield());
  CHECK(vt_abi_version() == VT_ABI_VERSION && vt_now() > 0);
  (void)vt_current();
}

/* Waits, which some places should not do; it takes its time there, and that is all. */
static void waiting(const char *place) {
  vt_fiber fiber;
  size_t which;
  uint32_t value;
  void *result;
  ASK(vt_sleep_until(vt_now() + MS / 10));
  ASK(vt_chan_recv(bounded, &value, vt_now() + MS / 10));
  vt_case cases[] = {{.size = sizeof(vt_case), .kind = VT_CASE_RECV, .chan = pair, .elem = &value},
                     {.size = sizeof(vt_case), .kind = VT_CASE_AT, .deadline = vt_now() + MS / 10}};
  ASK(vt_select(cases, 2, VT_FOREVER, &which));
  ASK(vt_wait_on(&value, value, vt_now() + MS / 10));
  ASK(vt_park(vt_now() + MS / 10));
  OK(vt_spawn(rt, NULL, returns, rt, NULL, &fiber));
  while (vt_join(fiber, long_time(), &result) == VT_ECANCELED) vt_cancel_mask(1);
  CHECK(result == rt);
  ASK(vt_offload(rt, VT_JOB_CPU, nothing, NULL, NULL));
  ASK(vt_call_blocking(nothing, NULL, nothing, NULL));
}

static uint32_t places;

static void everything(const char *place) {
  if (getenv("VITTE_PLACES") != NULL) fprintf(stderr, "%s\n", place);
  runtimes(place);
  fibers(place);
  channels(place);
  selects(place);
  locks(place);
  the_rest(place);
  waiting(place);
  add(&places);
}

/* The places. */

static void in_place(void *place) { everything(place); }
static void *on_a_fiber(void *place) { return everything(place), NULL; }

static void *in_a_region(void *place) {
  uint32_t old = vt_native_enter(VT_MAY_BLOCK | VT_GC_SAFE);
  everything(place);
  OK(vt_native_leave(old));
  return NULL;
}

static void *on_the_native_stack(void *place) {
  OK(vt_call_on_native_stack(in_place, place));
  return NULL;
}

static void *back_from_a_region(void *place) {
  uint32_t old = vt_native_enter(VT_MAY_BLOCK);
  OK(vt_call_managed(in_place, place));
  OK(vt_native_leave(old));
  return NULL;
}

static void *in_a_job(void *place) {
  OK(vt_offload(NULL, VT_JOB_IO, in_place, place, NULL));
  return NULL;
}

static void *put_off(void *place) {
  OK(vt_defer(in_place, place));
  return NULL;
}

static vt_key key;

static void *destroyed(void *place) {
  OK(vt_local_set(key, place));
  return NULL;
}

static void *canceled(void *place) {
  OK(vt_cancel(vt_fiber_self(), 1));
  vt_cancel_mask(1);
  everything(place);
  vt_cancel_mask(0);
  return NULL;
}

static void *waits(void *arg) {
  IS(VT_OK, vt_park(long_time()));
  return arg;
}

static void after_here(vt_fiber fiber, void *place) {
  everything(place);
  OK(vt_unpark(fiber));
}

static void *suspends(void *place) {
  OK(vt_suspend(after_here, place, long_time()));
  return NULL;
}

static uint32_t handles(vt_fiber fiber, void *place) {
  static uint32_t once;
  (void)fiber;
  if (add(&once) == 1) everything(place);
  return VT_SLICE_YIELD;
}

static void *spins(void *arg) {
  uint32_t begin = get(&places);
  while (get(&places) == begin) OK(vt_poll_slow());
  return arg;
}

static void *thread(void *place) {
  everything(place);
  OK(vt_defer(in_place, "what a thread has put off"));
  OK(vt_local_set(key, "a destructor of a thread's key"));
  return NULL;
}

static void hook(uint32_t worker, void *place) {
  static uint32_t once[2];
  (void)worker;
  if (add(&once[*(char *)place == 's']) == 1) everything(place);
}

static void switched(vt_fiber fiber, uint32_t worker, const vt_hot *hot, void *place) {
  static uint32_t once;
  (void)fiber, (void)worker, (void)hot;
  if (add(&once) == 1) everything(place);
}

static void of_elements(void *elem) {
  (void)elem;
  everything("the destructor of an element");
}

int main(void) {
  vt_thread *mine;
  int64_t value = 0;
  rt = runtime(2), other = runtime(1), gone = runtime(1);
  OK(vt_thread_attach(gone, NULL, &used_up));
  OK(vt_thread_detach(used_up));
  end(gone);
  OK(vt_chan_create(VT_CHAN_BOUNDED, sizeof(uint32_t), 1, NULL, &bounded));
  OK(vt_chan_create(VT_CHAN_SPSC, sizeof(uint32_t), 1, NULL, &pair));
  OK(vt_chan_create(VT_CHAN_BROADCAST, sizeof(uint32_t), 1, NULL, &broadcast));
  OK(vt_chan_subscribe(broadcast, &subscription));
  OK(vt_chan_after(INT64_MAX - 1, &ticks));
  OK(vt_key_create(rt, in_place, &key));

  everything("a plain thread");
  OK(vt_thread_attach(rt, NULL, &mine));
  everything("an attached thread");
  OK(vt_thread_detach(mine));
  OK(vt_thread_spawn(rt, NULL, thread, "a thread of the runtime's", NULL, &mine));
  OK(vt_thread_join(mine, long_time(), NULL));

  run(rt, on_a_fiber, "a fiber");
  run(other, on_a_fiber, "a fiber of another runtime");
  run(rt, in_a_region, "a region");
  run(rt, on_the_native_stack, "the native stack");
  run(rt, back_from_a_region, "a call back from a region");
  run(rt, in_a_job, "a job of a pool");
  run(rt, put_off, "what a fiber has put off");
  run(rt, destroyed, "a destructor of a fiber's key");
  run(rt, canceled, "a fiber that is canceled");
  run(rt, suspends, "what is called after a suspension");

  vt_timer timer;
  uint32_t begin = get(&places);
  OK(vt_timer_start(rt, VT_NOW, 0, in_place, "a timer", NULL, &timer));
  until(&places, begin + 1);
  vt_fiber fiber = spawn(rt, waits, NULL);
  OK(vt_sleep_until(vt_now() + 5 * MS));
  begin = get(&places);
  OK(vt_interrupt(fiber, in_place, "an interrupt", NULL));
  until(&places, begin + 1);
  OK(vt_unpark(fiber));
  join(fiber);
  OK(vt_set_slice_handler(other, handles, "a slice's end", NULL));
  fiber = spawn(other, spins, NULL);
  join(spawn(other, returns, NULL));
  join(fiber);

  vt_chan *chan;
  begin = get(&places);
  OK(vt_chan_create(VT_CHAN_UNBOUNDED, sizeof value, 0, of_elements, &chan));
  OK(vt_chan_send(chan, &value, VT_NOW));
  vt_chan_release(chan);
  CHECK(get(&places) == begin + 1);
  vt_spawn(gone, NULL, returns, "the destructor of an argument", in_place, &fiber);
  CHECK(get(&places) == begin + 2);

  vt_hooks hooks = {.size = sizeof hooks, .thread_start = hook, .arg = "a hook when a worker begins"};
  vt_options options;
  OK(vt_options_init(&options, sizeof options));
  options.hooks = &hooks, options.workers = 1;
  vt_runtime *hooked_one;
  OK(vt_runtime_create(&options, &hooked_one));
  end(hooked_one);
  hooks = (vt_hooks){.size = sizeof hooks, .before_park = hook, .arg = "sleep: a hook when a worker sleeps"};
  OK(vt_runtime_create(&options, &hooked_one));
  OK(vt_sleep_until(vt_now() + 5 * MS));
  end(hooked_one);
  hooks = (vt_hooks){.size = sizeof hooks, .switch_in = switched, .arg = "a hook when a fiber comes"};
  OK(vt_runtime_create(&options, &hooked_one));
  run(hooked_one, returns, NULL);
  end(hooked_one);

  end(rt), end(other);
  vt_runtime *const ended = rt;
  rt = runtime(1);
  gone = ended;
  other = runtime(1);
  everything("after a shutdown");
  end(rt), end(other);
  vt_chan_release(bounded), vt_chan_release(pair), vt_chan_release(broadcast);
  vt_chan_release(subscription), vt_chan_release(ticks);
  puts("ok");
  return 0;
}
