/* Threads belong to a runtime: attached, or its own; guards keep it. */
#include "check.h"
#include <pthread.h>

static void *one(void *arg) { return arg; }

static void *spawns(void *arg) {
  vt_fiber fiber;
  CHECK(vt_current() == arg);
  OK(vt_spawn(NULL, NULL, one, arg, NULL, &fiber));
  CHECK(join(fiber) == arg);
  return arg;
}

/* On a fiber: a native thread is waited for, and the worker goes on. */
static void *joins(void *arg) {
  vt_thread *thread;
  void *result = NULL;
  vt_thread_options options = {.size = sizeof options, .name = "dedicated", .stack_size = 1 << 20};
  OK(vt_thread_spawn(arg, &options, spawns, arg, NULL, &thread));
  OK(vt_thread_join(thread, long_time(), &result));
  CHECK(result == arg);
  return NULL;
}

static uint32_t go, dropped;

static void *waits(void *arg) {
  until(&go, 1);
  return arg;
}

static void drop(void *arg) { add(arg); }

static uint32_t begun, unblocked;

static void *receives(void *chan) {
  uint32_t value;
  int32_t reason = 0;
  IS(VT_EAGAIN, vt_cancel_reason(0, &reason));
  add(&begun);
  IS(VT_ECANCELED, vt_chan_recv(chan, &value, VT_FOREVER));
  IS(VT_ECANCELED, vt_chan_recv(chan, &value, VT_FOREVER));
  OK(vt_cancel_reason(0, &reason));
  CHECK(reason == VT_CANCEL_SHUTDOWN && vt_cancel_mask(1) == 0);
  IS(VT_ETIMEDOUT, vt_chan_recv(chan, &value, vt_now() + MS));
  CHECK(vt_cancel_mask(0) == 1);
  return NULL;
}

static void blocks(void *arg) {
  add(&begun);
  until(arg, 1);
}

static void unblocks(void *arg) { set(arg, 1); }

static void *calls(void *arg) {
  IS(VT_ECANCELED, vt_call_blocking(blocks, arg, unblocks, arg));
  return NULL;
}

/* A shutdown ends the waits of the runtime's own threads. */
static void ends(void) {
  vt_runtime *rt = runtime(1);
  vt_chan *chan;
  vt_thread *receiver, *caller;
  OK(vt_chan_create(VT_CHAN_BOUNDED, sizeof(uint32_t), 1, NULL, &chan));
  OK(vt_thread_spawn(rt, NULL, receives, chan, NULL, &receiver));
  OK(vt_thread_spawn(rt, NULL, calls, &unblocked, NULL, &caller));
  until(&begun, 2);
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_CANCEL, long_time()));
  OK(vt_thread_join(receiver, long_time(), NULL));
  OK(vt_thread_join(caller, long_time(), NULL));
  CHECK(get(&unblocked) == 1);
  vt_chan_release(chan);
}

static void *joins_nobody(void *arg) {
  add(&begun);
  return arg;
}

static void *detaches(void *thread) {
  IS(VT_ECONTEXT, vt_thread_detach(thread));
  return NULL;
}

static void *joins_slow(void *thread) {
  void *result = NULL;
  vt_status status;
  add(&begun);
  /* The other may look just then. */
  do status = vt_thread_join(thread, long_time(), &result);
  while (status == VT_EBUSY);
  OK(status);
  return result;
}

/* Who is attached is detached by itself only; a dedicated thread has one joiner, or none. */
static void others_are_told(vt_runtime *rt) {
  vt_thread *me, *slow;
  pthread_t other;
  OK(vt_thread_attach(rt, NULL, &me));
  CHECK(pthread_create(&other, NULL, detaches, me) == 0);
  CHECK(pthread_join(other, NULL) == 0);
  OK(vt_thread_detach(me));

  set(&go, 0), set(&begun, 0);
  OK(vt_thread_spawn(rt, NULL, waits, rt, NULL, &slow));
  vt_fiber joiner = spawn(rt, joins_slow, slow);
  until(&begun, 1);
  vt_status status;
  /* Until the other has it, it is only late. */
  do status = vt_thread_join(slow, VT_NOW, NULL);
  while (status == VT_EAGAIN);
  IS(VT_EBUSY, status);
  set(&go, 1);
  CHECK(join(joiner) == rt);

  vt_thread_options detached = {.size = sizeof detached, .flags = VT_DETACHED};
  set(&dropped, 0);
  OK(vt_thread_spawn(rt, &detached, joins_nobody, &dropped, drop, NULL));
  until(&begun, 2);
  CHECK(get(&dropped) == 0);
  set(&begun, 0);
}

static vt_thread *itself;

static void *waits_for_itself(void *arg) {
  until(&go, 2);
  IS(VT_EDEADLK, vt_thread_join(itself, VT_FOREVER, NULL));
  return arg;
}

static void joins_itself(vt_runtime *rt) {
  OK(vt_thread_spawn(rt, NULL, waits_for_itself, rt, NULL, &itself));
  set(&go, 2);
  void *result = NULL;
  OK(vt_thread_join(itself, long_time(), &result));
  CHECK(result == rt);
}

/* A fiber of a runtime that an attached thread drives is not that thread. */
static void *detaches_its_driver(void *thread) {
  IS(VT_ECONTEXT, vt_thread_detach(thread));
  return NULL;
}

static void drives(vt_runtime *rt) {
  vt_options options;
  vt_runtime *driven;
  vt_thread *me;
  OK(vt_options_init(&options, sizeof options));
  options.flags = VT_HOST_DRIVEN;
  OK(vt_runtime_create(&options, &driven));
  OK(vt_thread_attach(rt, NULL, &me));
  vt_fiber fiber = spawn(driven, detaches_its_driver, me);
  OK(vt_run(driven, 0, VT_NOW, NULL));
  OK(vt_join(fiber, VT_NOW, NULL));
  OK(vt_thread_detach(me));
  end(driven);
}

int main(void) {
  vt_runtime *rt = runtime(1);
  run(rt, joins, rt);
  drives(rt);

  vt_thread *me, *again;
  CHECK(vt_current() == NULL);
  vt_thread_options called = {.size = sizeof called, .name = "attached"};
  OK(vt_thread_attach(rt, &called, &me));
  spawns(rt);
  IS(VT_EDUP, vt_thread_attach(rt, NULL, &again));
  IS(VT_EINVAL, vt_thread_join(me, VT_NOW, NULL));
  OK(vt_thread_detach(me));
  CHECK(vt_current() == NULL);
  /* A handle that was used up names nobody, also while the thread is attached anew. */
  IS(VT_ESTALE, vt_thread_detach(me));
  IS(VT_ESTALE, vt_thread_join(me, VT_NOW, NULL));
  OK(vt_thread_attach(rt, NULL, &again));
  CHECK(again != me);
  IS(VT_ESTALE, vt_thread_detach(me));
  IS(VT_ESTALE, vt_thread_join(me, VT_NOW, NULL));
  IS(VT_ESTALE, vt_thread_detach((vt_thread *)(void *)&called));
  OK(vt_thread_detach(again));

  vt_thread *slow;
  OK(vt_thread_spawn(rt, NULL, waits, rt, NULL, &slow));
  IS(VT_EAGAIN, vt_thread_join(slow, VT_NOW, NULL));
  IS(VT_ETIMEDOUT, vt_thread_join(slow, vt_now() + MS, NULL));
  IS(VT_EINVAL, vt_thread_detach(slow));
  OK(vt_thread_attach(rt, NULL, &me));
  IS(VT_EINVAL, vt_thread_detach(slow));
  OK(vt_thread_detach(me));
  set(&go, 1);
  OK(vt_thread_join(slow, long_time(), NULL));
  IS(VT_ESTALE, vt_thread_join(slow, VT_FOREVER, NULL));
  IS(VT_ESTALE, vt_thread_join(slow, VT_NOW, NULL));
  IS(VT_ESTALE, vt_thread_detach(slow));
  joins_itself(rt);

  IS(VT_EINVAL, vt_thread_spawn(rt, NULL, NULL, &dropped, drop, &slow));
  IS(VT_EINVAL, vt_thread_spawn(rt, NULL, waits, &dropped, drop, NULL));
  CHECK(get(&dropped) == 2);
  IS(VT_EINVAL, vt_thread_attach(NULL, NULL, &me));
  IS(VT_EINVAL, vt_thread_detach(NULL));
  IS(VT_EINVAL, vt_thread_join(NULL, VT_NOW, NULL));
  IS(VT_EINVAL, vt_guard_acquire(rt, NULL));
  vt_guard_release(NULL);

  /* Whoever is guarded does not end; whoever ends gives no guard. */
  others_are_told(rt);
  set(&dropped, 2);
  vt_guard *guard, *late;
  OK(vt_guard_acquire(rt, &guard));
  IS(VT_ETIMEDOUT, vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, vt_now() + 10 * MS));
  IS(VT_ESHUTDOWN, vt_guard_acquire(rt, &late));
  IS(VT_ESHUTDOWN, vt_thread_attach(rt, NULL, &me));
  IS(VT_ESHUTDOWN, vt_thread_spawn(rt, NULL, waits, &dropped, drop, &slow));
  CHECK(get(&dropped) == 3);
  CHECK(join(spawn(rt, one, rt)) == rt);
  vt_guard_release(guard);
  vt_guard_release(guard);
  end(rt);
  vt_guard_release(guard);
  vt_guard_release((vt_guard *)(void *)&guard);
  IS(VT_ESTALE, vt_guard_acquire(rt, &late));
  ends();
  puts("ok");
  return 0;
}
