/* A runtime that its host drives: bounded calls, the handle, the callback, and who may drive. */
#define _GNU_SOURCE
#include "check.h"
#include <poll.h>
#include <pthread.h>

static vt_runtime *rt;
static uint32_t woken, dropped, ran;

static vt_runtime *driven(void) {
  vt_options options;
  vt_runtime *made = NULL;
  OK(vt_options_init(&options, sizeof options));
  options.flags = VT_HOST_DRIVEN;
  options.workers = 2;
  IS(VT_EINVAL, vt_runtime_create(&options, &made));
  options.workers = 0;
  OK(vt_runtime_create(&options, &made));
  return made;
}

static int readable(int timeout) {
  intptr_t handle = -1;
  OK(vt_wait_handle(rt, &handle));
  struct pollfd entry = {(int)handle, POLLIN, 0};
  return poll(&entry, 1, timeout) == 1;
}

static void *yields(void *arg) {
  for (uintptr_t left = (uintptr_t)arg; left > 0; left--) OK(vt_yield());
  add(&ran);
  return arg;
}

static void *polls(void *arg) {
  const vt_hot *hot = vt_fiber_hot();
  while (vt_poll(hot) == VT_OK) {
  }
  add(&ran);
  return arg;
}

static int64_t nap = 5 * MS;

static void *sleeps(void *arg) {
  OK(vt_sleep_until(vt_now() + nap));
  add(&ran);
  return arg;
}

static void *drives(void *arg) {
  IS(VT_ECONTEXT, vt_run(rt, 0, VT_NOW, NULL));
  return arg;
}

static void *parks(void *arg) {
  OK(vt_park(VT_FOREVER));
  add(&ran);
  return arg;
}

static void wake(void *arg) { add(arg); }

static void drop(void *arg) {
  (void)arg;
  add(&dropped);
}

static void calls_are_bounded(void) {
  uint32_t steps = 0;
  vt_fiber fiber = spawn(rt, yields, (void *)(uintptr_t)9);
  CHECK(vt_next_deadline(rt) == VT_NOW);
  IS(VT_ELIMIT, vt_run(rt, 4, VT_NOW, &steps));
  CHECK(steps == 4 && get(&ran) == 0);
  CHECK(vt_next_deadline(rt) == VT_NOW && readable(0));
  OK(vt_run(rt, 0, VT_NOW, &steps));
  CHECK(steps == 6 && get(&ran) == 1);
  CHECK(vt_next_deadline(rt) == VT_FOREVER && !readable(0));
  CHECK(join(fiber) == (void *)(uintptr_t)9);

  vt_fiber loop = spawn(rt, polls, NULL);
  IS(VT_ETIMEDOUT, vt_run(rt, 0, vt_now() + MS, NULL));
  IS(VT_ETIMEDOUT, vt_run_ready(rt, 0, vt_now() + MS, NULL));
  IS(VT_ETIMEDOUT, vt_run_ready(rt, 0, VT_NOW, &steps));
  CHECK(steps == 1);
  OK(vt_cancel(loop, 1));
  CHECK(join(loop) == NULL); /* drives what it waits for */
  set(&ran, 0);
}

static void the_handle_knows_of_timers(void) {
  int64_t due = VT_NOW;
  /* On a busy machine the nap may be over before it is asked for: then it is longer the next time. */
  for (nap = 5 * MS; due == VT_NOW; nap *= 2) {
    CHECK(nap < 60000 * MS);
    vt_fiber fiber = spawn(rt, sleeps, NULL);
    OK(vt_run(rt, 0, VT_NOW, NULL));
    if (get(&ran) == 0) due = vt_next_deadline(rt);
    CHECK(due >= VT_NOW && due < VT_FOREVER);
    while (get(&ran) == 0) {
      CHECK(readable(60000));
      OK(vt_run(rt, 0, VT_NOW, NULL));
    }
    join(fiber);
    set(&ran, 0);
  }
}

static void *unparks(void *arg) {
  OK(vt_unpark((vt_fiber)(uintptr_t)arg));
  return NULL;
}

static void the_host_is_called(void) {
  pthread_t thread;
  OK(vt_set_host_wake(rt, wake, &woken, drop));
  vt_fiber fiber = spawn(rt, parks, NULL);
  join(spawn(rt, yields, NULL));
  OK(vt_run(rt, 0, VT_NOW, NULL));
  CHECK(get(&woken) >= 1);
  uint32_t before = get(&woken);
  CHECK(pthread_create(&thread, NULL, unparks, (void *)(uintptr_t)fiber) == 0);
  CHECK(readable(60000));
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(get(&woken) == before + 1);
  join(fiber);
  OK(vt_set_host_wake(rt, NULL, NULL, NULL));
  CHECK(get(&dropped) == 1);
  IS(VT_ESTALE, vt_set_host_wake((vt_runtime *)64, wake, &woken, drop));
  CHECK(get(&dropped) == 2);
}

static void *drive_elsewhere(void *arg) {
  (void)arg;
  IS(VT_EPERM, vt_run(rt, 0, VT_NOW, NULL));
  return NULL;
}

static void threads_are_told_what_they_may(void) {
  pthread_t thread;
  vt_fiber_options options;
  vt_fiber fiber = 0;
  join(spawn(rt, drives, NULL));
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = VT_PINNED;
  OK(vt_spawn(rt, &options, parks, NULL, NULL, &fiber));
  OK(vt_run(rt, 0, VT_NOW, NULL));
  CHECK(pthread_create(&thread, NULL, drive_elsewhere, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  OK(vt_unpark(fiber));
  join(fiber);

  vt_runtime *other = runtime(1);
  intptr_t handle;
  IS(VT_EINVAL, vt_run(other, 0, VT_NOW, NULL));
  IS(VT_EINVAL, vt_wait_handle(other, &handle));
  CHECK(vt_next_deadline(other) == VT_EINVAL);
  OK(vt_runtime_shutdown(other, VT_SHUTDOWN_DRAIN, VT_FOREVER));
  IS(VT_EINVAL, vt_run(NULL, 0, VT_NOW, NULL));
  IS(VT_EINVAL, vt_run(rt, 0, -1, NULL));
  IS(VT_EINVAL, vt_run(rt, 0, VT_NOW, (uint32_t *)1));
  IS(VT_EINVAL, vt_wait_handle(rt, NULL));
  IS(VT_EUNSUPPORTED, vt_runtime_resize(rt, 2));
  CHECK(vt_next_deadline(NULL) == VT_EINVAL);
}

int main(void) {
  rt = driven();
  calls_are_bounded();
  the_handle_knows_of_timers();
  the_host_is_called();
  threads_are_told_what_they_may();
  vt_stats stats;
  memset(&stats, 0, sizeof stats);
  stats.size = sizeof stats;
  OK(vt_stats_get(rt, &stats));
  CHECK(stats.workers == 0 && stats.live == 0);
  spawn(rt, sleeps, NULL);
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, VT_FOREVER));
  IS(VT_ESTALE, vt_run(rt, 0, VT_NOW, NULL));
  CHECK(vt_next_deadline(rt) == VT_ESTALE);
  puts("ok");
  return 0;
}
