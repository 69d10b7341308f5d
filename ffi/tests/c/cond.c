/* Conditions of one word: a queue between fibers and threads, and how waits end. */
#include "check.h"
#include <pthread.h>

enum { PRODUCERS = 4, CONSUMERS = 4, EACH = 1000, ROOM = 3 };

static vt_mutex lock = VT_MUTEX_INIT;
static vt_cond filled = VT_COND_INIT, emptied = VT_COND_INIT;
static uint32_t queue[ROOM], used, over;
static uint64_t sum;

static void *produce(void *arg) {
  for (uint32_t i = 1; i <= EACH; i++) {
    OK(vt_mutex_lock(&lock, VT_FOREVER));
    while (used == ROOM) OK(vt_cond_wait(&emptied, &lock, long_time()));
    queue[used++] = i;
    OK(vt_mutex_unlock(&lock));
    vt_cond_wake(&filled, 1);
  }
  return arg;
}

static void *consume(void *arg) {
  OK(vt_mutex_lock(&lock, VT_FOREVER));
  for (;;) {
    while (used == 0 && !over) OK(vt_cond_wait(&filled, &lock, long_time()));
    if (used == 0) break;
    sum += queue[--used];
    vt_cond_wake(&emptied, 1);
  }
  OK(vt_mutex_unlock(&lock));
  return arg;
}

static void a_queue_loses_nothing(vt_runtime *rt) {
  enum { UNITS = PRODUCERS + CONSUMERS };
  vt_fiber fibers[UNITS];
  pthread_t threads[UNITS];
  for (int i = 0; i < UNITS; i++) {
    void *(*body)(void *) = i < PRODUCERS ? produce : consume;
    if (i % 2 == 0) fibers[i] = spawn(rt, body, NULL);
    else CHECK(pthread_create(&threads[i], NULL, body, NULL) == 0);
  }
  for (int i = 0; i < UNITS; i++) {
    if (i == PRODUCERS) {
      OK(vt_mutex_lock(&lock, VT_FOREVER));
      over = 1;
      OK(vt_mutex_unlock(&lock));
      vt_cond_wake(&filled, UINT32_MAX);
    }
    if (i % 2 == 0) join(fibers[i]);
    else CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(sum == (uint64_t)PRODUCERS * EACH * (EACH + 1) / 2 && used == 0);
}

static uint32_t ready;

static void *wait_here(void *arg) {
  vt_cond never = VT_COND_INIT;
  OK(vt_mutex_lock(&lock, VT_FOREVER));
  IS(VT_EAGAIN, vt_cond_wait(&never, &lock, VT_NOW));
  IS(VT_ETIMEDOUT, vt_cond_wait(&never, &lock, vt_now() + MS));
  set(&ready, 1);
  vt_status status = vt_cond_wait(&never, &lock, vt_fiber_self() ? VT_FOREVER : vt_now() + MS);
  IS(vt_fiber_self() ? VT_ECANCELED : VT_ETIMEDOUT, status);
  /* However it ended, the lock is ours. */
  IS(VT_EDEADLK, vt_mutex_lock(&lock, VT_NOW));
  OK(vt_mutex_unlock(&lock));
  return arg;
}

static void the_mutex_is_held_however_the_wait_ends(vt_runtime *rt) {
  wait_here(NULL);
  set(&ready, 0);
  vt_fiber fiber = spawn(rt, wait_here, NULL);
  until(&ready, 1);
  OK(vt_cancel(fiber, 0));
  join(fiber);
}

static void wrong_arguments_are_refused(void) {
  vt_cond cond = VT_COND_INIT;
  uint32_t words[2] = {0, 0};
  vt_cond *crooked = (vt_cond *)(void *)((char *)words + 1);
  IS(VT_EPERM, vt_cond_wait(&cond, &lock, VT_NOW));
  OK(vt_mutex_lock(&lock, VT_NOW));
  IS(VT_EINVAL, vt_cond_wait(NULL, &lock, VT_NOW));
  IS(VT_EINVAL, vt_cond_wait(crooked, &lock, VT_NOW));
  IS(VT_EINVAL, vt_cond_wait(&cond, NULL, VT_NOW));
  IS(VT_EINVAL, vt_cond_wait(&cond, &lock, -1));
  OK(vt_mutex_unlock(&lock));
  CHECK(vt_cond_wake(NULL, 1) == 0 && vt_cond_wake(crooked, 1) == 0 && vt_cond_wake(&cond, 1) == 0);
}

int main(void) {
  wrong_arguments_are_refused();
  vt_runtime *rt = runtime(2);
  the_mutex_is_held_however_the_wait_ends(rt);
  a_queue_loses_nothing(rt);
  end(rt);
  puts("ok");
  return 0;
}
