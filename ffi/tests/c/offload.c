/* What blocks is done on threads of their own, and can be ended early. */
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static vt_runtime *rt;
static uint32_t begun, dropped;

typedef struct { int ends[2]; char got; pthread_t thread; uint32_t unblocked; long read; } pipe_case;

static void drop(void *arg) { add(arg); }

/* Blocks until something is written. */
static void read_one(void *arg) {
  pipe_case *my = arg;
  my->thread = pthread_self();
  add(&begun);
  my->read = read(my->ends[0], &my->got, 1);
}

static void *offloads(void *arg) {
  pipe_case *my = arg;
  OK(vt_offload(NULL, VT_JOB_IO, read_one, my, NULL));
  CHECK(my->read == 1 && my->got == 'x');
  CHECK(!pthread_equal(my->thread, pthread_self()));
  return NULL;
}

static void *writes(void *arg) {
  pipe_case *my = arg;
  until(&begun, 1);
  CHECK(write(my->ends[1], "x", 1) == 1);
  return NULL;
}

/* One worker runs both: the reader does not hold it up. */
static void a_fiber_waits_and_its_worker_goes_on(void) {
  pipe_case my = {0};
  CHECK(pipe(my.ends) == 0);
  set(&begun, 0);
  vt_fiber reader = spawn(rt, offloads, &my);
  vt_fiber writer = spawn(rt, writes, &my);
  join(reader);
  join(writer);
  close(my.ends[0]);
  close(my.ends[1]);
}

static void count(void *arg) { add(arg); }

static void *is_canceled_before(void *arg) {
  OK(vt_cancel(vt_fiber_self(), 0));
  IS(VT_ECANCELED, vt_offload(NULL, VT_JOB_CPU, count, arg, drop));
  IS(VT_ECANCELED, vt_call_blocking(count, arg, count, arg));
  return NULL;
}

static void what_does_not_begin_is_dropped(void) {
  set(&dropped, 0);
  run(rt, is_canceled_before, &dropped);
  CHECK(get(&dropped) == 1);
  IS(VT_EINVAL, vt_offload(rt, VT_JOB_IO, NULL, &dropped, drop));
  IS(VT_EINVAL, vt_offload(rt, 7, count, &dropped, drop));
  IS(VT_ECONTEXT, vt_offload(NULL, VT_JOB_IO, count, &dropped, drop));
  CHECK(get(&dropped) == 4);
  IS(VT_EINVAL, vt_call_blocking(NULL, NULL, count, NULL));
}

static void unblock(void *arg) {
  pipe_case *my = arg;
  add(&my->unblocked);
  CHECK(write(my->ends[1], "u", 1) == 1);
}

static void *blocks(void *arg) {
  pipe_case *my = arg;
  IS(VT_ECANCELED, vt_call_blocking(read_one, my, unblock, my));
  CHECK(my->unblocked == 1 && my->got == 'u');
  return NULL;
}

static void *blocks_in_vain(void *arg) {
  uint32_t *calls = arg;
  OK(vt_call_blocking(count, calls, count, calls));
  return NULL;
}

static void a_cancellation_unblocks(void) {
  pipe_case my = {0};
  uint32_t calls = 0;
  CHECK(pipe(my.ends) == 0);
  set(&begun, 0);
  vt_fiber fiber = spawn(rt, blocks, &my);
  until(&begun, 1);
  OK(vt_cancel(fiber, 0));
  join(fiber);
  close(my.ends[0]);
  close(my.ends[1]);
  run(rt, blocks_in_vain, &calls);
  CHECK(calls == 1);
}

static void here(void *arg) { *(pthread_t *)arg = pthread_self(); }

static void a_thread_does_it_itself(void) {
  pthread_t where[2];
  OK(vt_offload(rt, VT_JOB_IO, here, &where[0], NULL));
  OK(vt_call_blocking(here, &where[1], NULL, NULL));
  CHECK(pthread_equal(where[0], pthread_self()) && pthread_equal(where[1], pthread_self()));
}

int main(void) {
  rt = runtime(1);
  a_fiber_waits_and_its_worker_goes_on();
  what_does_not_begin_is_dropped();
  a_cancellation_unblocks();
  a_thread_does_it_itself();

  /* A shutdown unblocks, too. */
  pipe_case my = {0};
  CHECK(pipe(my.ends) == 0);
  set(&begun, 0);
  spawn(rt, blocks, &my);
  until(&begun, 1);
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_CANCEL, long_time()));
  CHECK(my.unblocked == 1);
  puts("ok");
  return 0;
}
