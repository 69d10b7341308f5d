/* Native regions nest, hold nobody up, and mean nothing outside fibers; calls on the thread's stack are roomy. */
#include "check.h"

static void *nest(void *arg) {
  uint32_t outer = vt_native_enter(VT_MAY_BLOCK);
  CHECK(outer == 0);
  uint32_t inner = vt_native_enter(VT_MAY_BLOCK | VT_GC_SAFE);
  CHECK(inner == VT_MAY_BLOCK);
  uint32_t back = vt_native_enter(0);
  CHECK(back == (VT_MAY_BLOCK | VT_GC_SAFE));
  OK(vt_native_leave(back));
  OK(vt_native_leave(inner));
  OK(vt_native_leave(outer));
  CHECK(vt_native_enter(0) == 0);
  OK(vt_native_leave(0));
  IS(VT_EINVAL, vt_native_leave(1u << 31));
  OK(vt_yield());
  return arg;
}

static uint32_t inside, released;

/* Blocks its thread, as foreign code does. */
static void *blocks(void *arg) {
  uint32_t old = vt_native_enter(VT_MAY_BLOCK | VT_GC_SAFE);
  add(&inside);
  while (!get(&released)) {
  }
  OK(vt_native_leave(old));
  return arg;
}

static void *counts(void *arg) {
  add(arg);
  return NULL;
}

/* More threads are blocked than there are workers, and others run all the same. */
static void nobody_is_held_up(vt_runtime *rt) {
  enum { BLOCKED = 4, OTHERS = 1000 };
  static vt_fiber blocked[BLOCKED], others[OTHERS];
  uint32_t done = 0;
  for (int i = 0; i < BLOCKED; i++) blocked[i] = spawn(rt, blocks, NULL);
  until(&inside, BLOCKED);
  for (int i = 0; i < OTHERS; i++) others[i] = spawn(rt, counts, &done);
  for (int i = 0; i < OTHERS; i++) join(others[i]);
  CHECK(done == OTHERS);
  vt_stats stats = {.size = sizeof stats};
  OK(vt_stats_get(rt, &stats));
  CHECK(stats.workers == 2);
  set(&released, 1);
  for (int i = 0; i < BLOCKED; i++) join(blocked[i]);
}

static void *cancels_itself(void *arg) {
  uint32_t old = vt_native_enter(VT_MAY_BLOCK);
  OK(vt_cancel(vt_fiber_self(), 0));
  IS(VT_ECANCELED, vt_native_leave(old));
  CHECK(vt_native_enter(0) == 0);
  return arg;
}

/* About 400 kB of frames, which a fiber of 64 KiB does not have. */
static int deep(int n) {
  volatile char frame[4096];
  frame[n] = 1;
  return n == 0 ? 0 : deep(n - 1) + frame[n];
}

static void calls_back(void *arg) {
  CHECK(vt_native_enter(0) == 0);
  OK(vt_yield());
  add(arg);
}

static void foreign(void *arg) {
  CHECK(deep(100) == 100);
  OK(vt_fiber_reserve(256 * 1024));
  uint32_t old = vt_native_enter(VT_MAY_BLOCK);
  OK(vt_call_managed(calls_back, arg));
  CHECK(vt_native_enter(old) == VT_MAY_BLOCK);
  OK(vt_native_leave(old));
  OK(vt_call_on_native_stack(calls_back, arg));
}

static void *goes_deep(void *arg) {
  IS(VT_ELIMIT, vt_fiber_reserve(256 * 1024));
  vt_fiber me = vt_fiber_self();
  OK(vt_call_on_native_stack(foreign, arg));
  CHECK(vt_fiber_self() == me);
  IS(VT_ELIMIT, vt_fiber_reserve(256 * 1024));
  OK(vt_yield());
  return NULL;
}

int main(void) {
  vt_runtime *rt = runtime(2);
  for (int i = 0; i < 100; i++) run(rt, nest, NULL);
  uint32_t old = vt_native_enter(VT_MAY_BLOCK);
  OK(vt_native_leave(old));
  run(rt, cancels_itself, NULL);
  nobody_is_held_up(rt);
  uint32_t calls = 0;
  for (int i = 0; i < 100; i++) run(rt, goes_deep, &calls);
  CHECK(calls == 200);
  OK(vt_call_on_native_stack(calls_back, &calls));
  OK(vt_call_managed(calls_back, &calls));
  CHECK(calls == 202);
  IS(VT_EINVAL, vt_call_on_native_stack(NULL, NULL));
  IS(VT_EINVAL, vt_call_managed(NULL, NULL));
  end(rt);
  puts("ok");
  return 0;
}
