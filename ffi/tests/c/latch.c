/* Latches of one word: everybody who waits goes on, and nobody waits again. */
#include "check.h"
#include <pthread.h>

enum { UNITS = 8 };

static vt_latch gate = VT_LATCH_INIT, arrived = VT_LATCH_INIT;
static uint32_t waiting, passed, published;

static void *pass(void *arg) {
  if (add(&waiting) == UNITS) OK(vt_latch_set(&arrived));
  OK(vt_latch_wait(&gate, long_time()));
  CHECK(published == 7); /* Plain memory: the latch orders it. */
  OK(vt_latch_wait(&gate, VT_NOW));
  add(&passed);
  return arg;
}

static void *be_canceled(void *arg) {
  vt_latch never = VT_LATCH_INIT;
  IS(VT_ECANCELED, vt_latch_wait(&never, VT_FOREVER));
  return arg;
}

int main(void) {
  vt_latch early = VT_LATCH_INIT;
  IS(VT_EAGAIN, vt_latch_wait(&early, VT_NOW));
  IS(VT_ETIMEDOUT, vt_latch_wait(&early, vt_now() + MS));
  OK(vt_latch_set(&early));
  OK(vt_latch_set(&early));
  OK(vt_latch_wait(&early, VT_FOREVER));
  IS(VT_EINVAL, vt_latch_set(NULL));
  IS(VT_EINVAL, vt_latch_wait(NULL, VT_NOW));
  IS(VT_EINVAL, vt_latch_wait(&early, -1));
  IS(VT_EINVAL, vt_latch_set((vt_latch *)(void *)((char *)&early + 1)));

  vt_runtime *rt = runtime(2);
  vt_fiber fibers[UNITS];
  pthread_t threads[UNITS];
  for (int i = 0; i < UNITS; i++) {
    if (i % 2 == 0) fibers[i] = spawn(rt, pass, NULL);
    else CHECK(pthread_create(&threads[i], NULL, pass, NULL) == 0);
  }
  OK(vt_latch_wait(&arrived, long_time()));
  CHECK(get(&passed) == 0);
  published = 7;
  OK(vt_latch_set(&gate));
  for (int i = 0; i < UNITS; i++) {
    if (i % 2 == 0) join(fibers[i]);
    else CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(get(&passed) == UNITS);
  vt_fiber fiber = spawn(rt, be_canceled, NULL);
  OK(vt_cancel(fiber, 0));
  join(fiber);
  end(rt);
  puts("ok");
  return 0;
}
