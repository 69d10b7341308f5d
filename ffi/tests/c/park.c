/* Parking: tokens, suspension with a last step, and words that fibers and threads wait on. */
#include "check.h"
#include <pthread.h>

static uint32_t go, word, turns;
static vt_fiber other;

static void *token_first(void *arg) {
  OK(vt_unpark(vt_fiber_self()));
  OK(vt_unpark(vt_fiber_self()));
  OK(vt_park(VT_FOREVER));
  IS(VT_EAGAIN, vt_park(VT_NOW));
  IS(VT_ETIMEDOUT, vt_park(vt_now() + MS));
  IS(VT_EINVAL, vt_park(-1));
  return arg;
}

static void *ping(void *arg) {
  for (int i = 0; i < 1000; i++) {
    OK(vt_park(long_time()));
    OK(vt_unpark(other));
  }
  return arg;
}

static void *pong(void *peer) {
  for (int i = 0; i < 1000; i++) {
    OK(vt_unpark(*(vt_fiber *)peer));
    OK(vt_park(long_time()));
  }
  return NULL;
}

static void *spawn_pong(void *arg) {
  vt_fiber fiber = spawn(NULL, ping, NULL);
  other = vt_fiber_self();
  pong(&fiber);
  join(fiber);
  return arg;
}

static void wake_up(vt_fiber self, void *arg) {
  CHECK(self == *(vt_fiber *)arg);
  add(&turns);
  OK(vt_unpark(self));
}

static void leave(vt_fiber self, void *arg) {
  (void)self;
  (void)arg;
  add(&turns);
}

static void *suspend(void *arg) {
  vt_fiber self = vt_fiber_self();
  for (uint32_t i = 1; i <= 100; i++) {
    OK(vt_suspend(wake_up, &self, long_time()));
    CHECK(get(&turns) == i);
  }
  set(&turns, 0);
  IS(VT_ETIMEDOUT, vt_suspend(leave, NULL, vt_now() + MS));
  CHECK(get(&turns) == 1);
  IS(VT_EAGAIN, vt_suspend(leave, NULL, VT_NOW));
  CHECK(get(&turns) == 2);
  OK(vt_unpark(self));
  OK(vt_suspend(leave, NULL, VT_FOREVER));
  CHECK(get(&turns) == 3);
  IS(VT_EINVAL, vt_suspend(NULL, NULL, VT_FOREVER));
  IS(VT_EINVAL, vt_suspend(leave, NULL, -1));
  CHECK(get(&turns) == 3);
  return arg;
}

/* Ulrich Drepper's third mutex, for fibers and threads. */
static void lock(void) {
  uint32_t free = 0;
  if (__atomic_compare_exchange_n(&word, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
  while (__atomic_exchange_n(&word, 2, __ATOMIC_ACQUIRE) != 0) OK(vt_wait_on(&word, 2, long_time()));
}

static void unlock(void) {
  if (__atomic_exchange_n(&word, 0, __ATOMIC_RELEASE) == 2) vt_wake(&word, 1);
}

static unsigned long guarded;

static void *lock_and_add(void *arg) {
  for (int i = 0; i < 500; i++) {
    lock();
    guarded++;
    if (i % 50 == 0) vt_yield();
    unlock();
  }
  return arg;
}

static void *wait_for_go(void *arg) {
  while (get(&go) == 0) OK(vt_wait_on(&go, 0, long_time()));
  add(&turns);
  return arg;
}

int main(void) {
  vt_runtime *rt = runtime(2);
  vt_fiber fibers[8];
  pthread_t threads[2];

  run(rt, token_first, NULL);
  run(rt, spawn_pong, NULL);
  run(rt, suspend, NULL);
  IS(VT_ECONTEXT, vt_park(VT_FOREVER));
  IS(VT_ECONTEXT, vt_suspend(leave, NULL, VT_FOREVER));
  IS(VT_EINVAL, vt_unpark(0));
  fibers[0] = spawn(rt, token_first, NULL);
  join(fibers[0]);
  IS(VT_ESTALE, vt_unpark(fibers[0]));

  for (int i = 0; i < 8; i++) fibers[i] = spawn(rt, lock_and_add, NULL);
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, lock_and_add, NULL) == 0);
  for (int i = 0; i < 8; i++) join(fibers[i]);
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(guarded == 10 * 500);

  set(&turns, 0);
  for (int i = 0; i < 8; i++) fibers[i] = spawn(rt, wait_for_go, NULL);
  CHECK(pthread_create(&threads[0], NULL, wait_for_go, NULL) == 0);
  OK(vt_sleep_until(vt_now() + 2 * MS));
  set(&go, 1);
  CHECK(vt_wake(&go, UINT32_MAX) <= 9);
  for (int i = 0; i < 8; i++) join(fibers[i]);
  CHECK(pthread_join(threads[0], NULL) == 0);
  CHECK(get(&turns) == 9);

  OK(vt_wait_on(&go, 0, VT_FOREVER));
  IS(VT_EAGAIN, vt_wait_on(&go, 1, VT_NOW));
  IS(VT_ETIMEDOUT, vt_wait_on(&go, 1, vt_now() + MS));
  IS(VT_EINVAL, vt_wait_on(&go, 1, -1));
  IS(VT_EINVAL, vt_wait_on(NULL, 1, VT_FOREVER));
  IS(VT_EINVAL, vt_wait_on((const uint32_t *)((const char *)&go + 1), 1, VT_FOREVER));
  CHECK(vt_wake(NULL, 1) == 0 && vt_wake(&go, 0) == 0);
  end(rt);
  puts("ok");
  return 0;
}
