/* Runtimes: options, several at once, the ways to shut down, and handles that are stale. */
#include "check.h"
#include <pthread.h>

static uint32_t flag;

static void *wait_for_flag(void *arg) {
  until(&flag, 1);
  return arg;
}

static void *park_until_canceled(void *arg) {
  set(&flag, 2);
  while (vt_park(VT_FOREVER) != VT_ECANCELED) {}
  return arg;
}

static void *shut_down_from_inside(void *rt) {
  IS(VT_ECONTEXT, vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, VT_FOREVER));
  CHECK(vt_current() == rt);
  return NULL;
}

static void *current(void *arg) {
  *(vt_runtime **)arg = vt_current();
  return NULL;
}

static void options_are_read_by_size(void) {
  struct { vt_options known; uint64_t added[4]; } newer;
  vt_runtime *rt = NULL;
  vt_stats stats;

  memset(&newer, 0, sizeof newer);
  OK(vt_options_init(&newer.known, sizeof newer));
  CHECK(newer.known.size == sizeof newer);
  newer.known.workers = 3;
  newer.known.name = "several";
  newer.known.flags = VT_SEEDED;
  newer.known.seed = 42;
  OK(vt_runtime_create(&newer.known, &rt));
  stats.size = sizeof stats;
  OK(vt_stats_get(rt, &stats));
  CHECK(stats.workers == 3 && stats.live == 0 && stats.spawned == 0);
  end(rt);

  newer.added[3] = 1;
  IS(VT_EUNSUPPORTED, vt_runtime_create(&newer.known, &rt));
  newer.added[3] = 0;
  newer.known.flags = 1u << 31;
  IS(VT_EUNSUPPORTED, vt_runtime_create(&newer.known, &rt));

  _Alignas(vt_options) uint32_t older[3] = {sizeof older, 0, 2};
  OK(vt_runtime_create((const vt_options *)(void *)older, &rt));
  OK(vt_stats_get(rt, &stats));
  CHECK(stats.workers == 2);
  end(rt);
}

static void draining_waits_and_canceling_does_not(void) {
  vt_runtime *rt = runtime(1);
  set(&flag, 0);
  vt_fiber fiber = spawn(rt, wait_for_flag, NULL);
  IS(VT_EINVAL, vt_runtime_shutdown(rt, 3, VT_FOREVER));
  IS(VT_EINVAL, vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, -5));
  IS(VT_ETIMEDOUT, vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, vt_now() + 5 * MS));
  set(&flag, 1);
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, long_time()));
  IS(VT_ESTALE, vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, VT_FOREVER));
  (void)fiber;

  rt = runtime(2);
  spawn(rt, park_until_canceled, NULL);
  until(&flag, 2);
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_CANCEL, long_time()));
}

static void *never_listens(void *arg) {
  set(&flag, 3);
  while (get(&flag) != 4) {}
  set(&flag, 5);
  return arg;
}

static void *parks_for_ever(void *arg) {
  set(&flag, 6);
  for (;;) (void)vt_park(VT_FOREVER);
  return arg;
}

static void *receives_for_ever(void *chan) {
  int value;
  set(&flag, 7);
  for (;;) (void)vt_chan_recv(chan, &value, VT_FOREVER);
  return chan;
}

static void a_fiber_that_does_not_end_is_left_or_stopped(void) {
  vt_runtime *rt = runtime(1);
  spawn(rt, never_listens, NULL);
  until(&flag, 3);
  IS(VT_EAGAIN, vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, VT_NOW));
  IS(VT_EBUSY, vt_runtime_shutdown(rt, VT_SHUTDOWN_CANCEL, vt_now() + 5 * MS));
  IS(VT_ESTALE, vt_runtime_shutdown(rt, VT_SHUTDOWN_CANCEL, VT_FOREVER));
  set(&flag, 4);
  until(&flag, 5);

  rt = runtime(1);
  spawn(rt, never_listens, NULL);
  until(&flag, 3);
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_ABANDON, VT_FOREVER));
  set(&flag, 4);
  until(&flag, 5);

  rt = runtime(1);
  spawn(rt, parks_for_ever, NULL);
  until(&flag, 6);
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_CANCEL, long_time()));

  /* What is stopped while it receives does not keep its turn. */
  for (int i = 0; i < 3; i++) {
    vt_chan *chan = NULL;
    int in = i, out = -1;
    OK(vt_chan_create(VT_CHAN_BOUNDED, sizeof in, 1, NULL, &chan));
    rt = runtime(1);
    spawn(rt, receives_for_ever, chan);
    until(&flag, 7);
    set(&flag, 0);
    OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_CANCEL, long_time()));
    OK(vt_chan_send(chan, &in, VT_NOW));
    OK(vt_chan_recv(chan, &out, VT_NOW));
    CHECK(in == out);
    vt_chan_release(chan);
  }
}

static void several_live_side_by_side(void) {
  vt_runtime *rts[4], *seen[4];
  for (int i = 0; i < 4; i++) rts[i] = runtime(1);
  for (int i = 0; i < 4; i++) run(rts[i], current, &seen[i]);
  for (int i = 0; i < 4; i++) {
    CHECK(seen[i] == rts[i]);
    for (int j = 0; j < i; j++) CHECK(rts[i] != rts[j]);
  }
  for (int i = 3; i >= 0; i--) end(rts[i]);
}

static uint32_t workers(vt_runtime *rt) {
  vt_stats stats = {.size = sizeof stats};
  OK(vt_stats_get(rt, &stats));
  return stats.workers;
}

static void *stays_on_its_thread(void *arg) {
  pthread_t mine = pthread_self();
  OK(vt_fiber_pin(1));
  add(&flag);
  for (int i = 0; i < 100; i++) {
    OK(vt_sleep_until(vt_now() + MS / 20));
    CHECK(pthread_equal(mine, pthread_self()));
  }
  OK(vt_fiber_pin(0));
  return arg;
}

static void *sleeps_now_and_then(void *arg) {
  for (int i = 0; i < 100; i++) OK(vt_sleep_until(vt_now() + MS / 20));
  return arg;
}

static void *resizes(void *arg) {
  OK(vt_runtime_resize(arg, 2));
  return arg;
}

static void the_number_of_threads_changes(void) {
  vt_runtime *rt = runtime(2);
  vt_fiber fibers[64];
  IS(VT_EINVAL, vt_runtime_resize(NULL, 1));
  IS(VT_EINVAL, vt_runtime_resize(rt, 0));
  IS(VT_EINVAL, vt_runtime_resize(rt, 1025));
  CHECK(workers(rt) == 2);
  set(&flag, 0);
  for (int i = 0; i < 64; i++)
    fibers[i] = spawn(rt, i % 2 ? stays_on_its_thread : sleeps_now_and_then, NULL);
  for (uint32_t i = 0; i < 100; i++) {
    OK(vt_runtime_resize(rt, 1 + i * 5 % 8));
    CHECK(workers(rt) == 1 + i * 5 % 8);
    if (i % 4 == 0) OK(vt_sleep_until(vt_now() + MS / 10));
  }
  for (int i = 0; i < 64; i++) join(fibers[i]);
  run(rt, resizes, rt);
  CHECK(workers(rt) == 2);
  set(&flag, 0);
  fibers[0] = spawn(rt, sleeps_now_and_then, NULL);
  IS(VT_EAGAIN, vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, VT_NOW));
  IS(VT_ESHUTDOWN, vt_runtime_resize(rt, 3));
  end(rt);
}

int main(void) {
  CHECK(vt_abi_version() == VT_ABI_VERSION);
  CHECK(vt_current() == NULL);
  vt_runtime *rt = NULL;
  OK(vt_runtime_create(NULL, &rt));
  CHECK(vt_current() == NULL);
  run(rt, shut_down_from_inside, rt);
  end(rt);
  IS(VT_ESTALE, vt_runtime_resize(rt, 3));

  the_number_of_threads_changes();

  options_are_read_by_size();
  draining_waits_and_canceling_does_not();
  several_live_side_by_side();
  a_fiber_that_does_not_end_is_left_or_stopped();
  for (int i = 0; i < 20; i++) end(runtime(2));
  puts("ok");
  return 0;
}
