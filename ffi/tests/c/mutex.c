/* Mutexes of one word: without a runtime, over fibers and threads, inherited
   urgency, and what is refused. */
#include "check.h"
#include <pthread.h>

enum { UNITS = 8, EACH = 10000 };

static vt_mutex lock = VT_MUTEX_INIT;
static uint64_t count;

static void *increment(void *arg) {
  for (int i = 0; i < EACH; i++) {
    OK(vt_mutex_lock(&lock, i % 2 ? VT_FOREVER : long_time()));
    uint64_t before = count;
    if (i % 64 == 0 && vt_fiber_self() != 0) OK(vt_yield());
    count = before + 1;
    OK(vt_mutex_unlock(&lock));
  }
  return arg;
}

static void increments_are_exact(vt_runtime *rt) {
  vt_fiber fibers[UNITS];
  pthread_t threads[UNITS];
  count = 0;
  for (int i = 0; i < UNITS; i++) {
    if (i % 2 == 0) fibers[i] = spawn(rt, increment, NULL);
    else CHECK(pthread_create(&threads[i], NULL, increment, NULL) == 0);
  }
  for (int i = 0; i < UNITS; i++) {
    if (i % 2 == 0) join(fibers[i]);
    else CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(count == UNITS * EACH);
}

static void *try_it(void *arg) {
  IS(VT_EPERM, vt_mutex_unlock(&lock));
  IS(VT_EAGAIN, vt_mutex_lock(&lock, VT_NOW));
  IS(VT_ETIMEDOUT, vt_mutex_lock(&lock, vt_now() + MS));
  return arg;
}

static void *wait_for_it(void *arg) {
  vt_status status = vt_mutex_lock(&lock, long_time());
  if (status == VT_OK) OK(vt_mutex_unlock(&lock));
  (void)arg;
  return (void *)(intptr_t)status;
}

/* Needs no runtime. */
static void it_knows_its_holder(void) {
  pthread_t thread;
  OK(vt_mutex_lock(&lock, VT_NOW));
  IS(VT_EDEADLK, vt_mutex_lock(&lock, VT_NOW));
  IS(VT_EDEADLK, vt_mutex_lock(&lock, VT_FOREVER));
  CHECK(pthread_create(&thread, NULL, try_it, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  OK(vt_mutex_unlock(&lock));
  IS(VT_EPERM, vt_mutex_unlock(&lock));
  CHECK(lock.word == 0);
}

static void who_is_canceled_has_not_locked(vt_runtime *rt) {
  OK(vt_mutex_lock(&lock, VT_FOREVER));
  run(rt, try_it, NULL);
  vt_fiber fiber = spawn(rt, wait_for_it, NULL);
  OK(vt_cancel(fiber, 0));
  CHECK(join(fiber) == (void *)(intptr_t)VT_ECANCELED);
  OK(vt_mutex_unlock(&lock));
  CHECK(run(rt, wait_for_it, NULL) == (void *)VT_OK);
}

enum { HOGS = 4, STEPS = 64 };

static uint32_t held, over, begun;
static uint64_t picks, waited;

static void *hog(void *arg) {
  while (!get(&over)) {
    picks++;
    OK(vt_yield());
  }
  return arg;
}

/* Holds the lock for some turns after it is waited for. */
static void *hold(void *arg) {
  OK(vt_mutex_lock(&lock, VT_FOREVER));
  set(&held, 1);
  while (!get(&begun)) OK(vt_yield());
  for (int i = 0; i < STEPS; i++) OK(vt_yield());
  OK(vt_mutex_unlock(&lock));
  return arg;
}

static void *wait_for_turns(void *arg) {
  uint64_t before = picks;
  set(&begun, 1);
  OK(vt_mutex_lock(&lock, VT_FOREVER));
  waited = picks - before;
  OK(vt_mutex_unlock(&lock));
  return arg;
}

static vt_fiber spawn_of(vt_runtime *rt, int32_t priority, vt_entry entry) {
  vt_fiber fiber = 0;
  vt_fiber_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.priority = priority;
  OK(vt_spawn(rt, &options, entry, NULL, NULL, &fiber));
  return fiber;
}

/* One of low priority holds the lock, one of high priority waits, and normal ones never rest. */
static void the_holder_is_as_urgent_as_who_waits(void) {
  vt_runtime *rt = runtime(1);
  vt_fiber hogs[HOGS];
  for (int i = 0; i < HOGS; i++) hogs[i] = spawn(rt, hog, NULL);
  vt_fiber low = spawn_of(rt, VT_PRIORITY_LOW, hold);
  until(&held, 1);
  join(spawn_of(rt, VT_PRIORITY_HIGH, wait_for_turns));
  join(low);
  set(&over, 1);
  for (int i = 0; i < HOGS; i++) join(hogs[i]);
  /* Of low priority, it would have had a turn after several rounds of the others each time. */
  CHECK(waited < STEPS * HOGS);
  end(rt);
}

static void wrong_arguments_are_refused(void) {
  uint32_t words[2] = {0, 0};
  vt_mutex *crooked = (vt_mutex *)(void *)((char *)words + 1);
  IS(VT_EINVAL, vt_mutex_lock(NULL, VT_NOW));
  IS(VT_EINVAL, vt_mutex_unlock(NULL));
  IS(VT_EINVAL, vt_mutex_lock(crooked, VT_NOW));
  IS(VT_EINVAL, vt_mutex_unlock(crooked));
  IS(VT_EINVAL, vt_mutex_lock(&lock, -1));
  CHECK(lock.word == 0 && words[0] == 0 && words[1] == 0);
}

int main(void) {
  it_knows_its_holder();
  wrong_arguments_are_refused();
  vt_runtime *rt = runtime(2);
  who_is_canceled_has_not_locked(rt);
  increments_are_exact(rt);
  end(rt);
  the_holder_is_as_urgent_as_who_waits();
  puts("ok");
  return 0;
}
