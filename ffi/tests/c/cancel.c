/* Cancellation: every wait reports it, unless it is masked. */
#include "check.h"

static uint32_t ready;

static void *waits(void *chan) {
  int byte;
  uint32_t word = 0;
  add(&ready);
  IS(VT_ECANCELED, vt_park(VT_FOREVER));
  IS(VT_ECANCELED, vt_sleep_until(VT_FOREVER));
  IS(VT_ECANCELED, vt_chan_recv(chan, &byte, VT_FOREVER));
  IS(VT_ECANCELED, vt_wait_on(&word, 0, VT_FOREVER));
  int32_t reason = 0;
  OK(vt_cancel_reason(0, &reason));
  CHECK(reason == 7);
  CHECK(vt_cancel_mask(1) == 0);
  OK(vt_cancel_reason(0, &reason));
  IS(VT_ETIMEDOUT, vt_park(vt_now() + MS));
  IS(VT_ETIMEDOUT, vt_chan_recv(chan, &byte, vt_now() + MS));
  OK(vt_poll_slow());
  CHECK(vt_cancel_mask(0) == 1);
  IS(VT_ECANCELED, vt_park(VT_FOREVER));
  OK(vt_yield());
  return &ready;
}

static vt_stack_info info_of(vt_fiber fiber) {
  vt_stack_info info;
  memset(&info, 0, sizeof info);
  info.size = sizeof info;
  OK(vt_fiber_info(fiber, &info));
  return info;
}

static uint32_t begun, may_begin;

static void *holds_the_worker(void *arg) {
  set(&begun, 1);
  while (get(&may_begin) == 0) OK(vt_poll(vt_fiber_hot()));
  return arg;
}

static void *begins_canceled(void *arg) {
  IS(VT_ECANCELED, vt_poll(vt_fiber_hot()));
  IS(VT_ECANCELED, vt_park(VT_FOREVER));
  return arg;
}

static void a_fiber_that_has_not_begun_begins_canceled(void) {
  vt_options options;
  vt_runtime *one = NULL;
  OK(vt_options_init(&options, sizeof options));
  options.workers = 1;
  options.timeslice_ns = 60000000000; /* nobody but the holder runs */
  OK(vt_runtime_create(&options, &one));
  vt_fiber holder = spawn(one, holds_the_worker, NULL);
  until(&begun, 1);
  vt_fiber fresh = spawn(one, begins_canceled, &begun);
  OK(vt_cancel(fresh, 3));
  CHECK(info_of(fresh).state == VT_STATE_NEW && info_of(fresh).cancel_reason == 3);
  set(&may_begin, 1);
  join(holder);
  CHECK(join(fresh) == &begun);
  end(one);
}

static void *never_ends(void *arg) {
  for (;;) vt_sleep_until(vt_now() + MS);
  return arg;
}

static void a_shutdown_says_so(void) {
  vt_runtime *rt = runtime(1);
  vt_fiber stubborn = spawn(rt, never_ends, NULL);
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_CANCEL, long_time()));
  char text[100];
  size_t length = 0;
  IS(VT_EFAILED, vt_join_text(stubborn, VT_FOREVER, NULL, text, sizeof text, &length));
  CHECK(strstr(text, "the runtime shuts down") != NULL);
}

int main(void) {
  vt_runtime *rt = runtime(2);
  vt_chan *chan = NULL;
  OK(vt_chan_create(VT_CHAN_UNBOUNDED, sizeof(int), 0, NULL, &chan));
  vt_fiber parked = spawn(rt, waits, chan);
  until(&ready, 1);
  int32_t reason = 99;
  IS(VT_EAGAIN, vt_cancel_reason(parked, &reason));
  IS(VT_EINVAL, vt_cancel(parked, -1));
  CHECK(reason == 99 && info_of(parked).canceled == 0);
  OK(vt_cancel(parked, 7));
  OK(vt_cancel(parked, 0));
  OK(vt_cancel_reason(parked, &reason));
  CHECK(reason == 7);
  vt_stack_info info = info_of(parked);
  CHECK(info.canceled == 1 && info.cancel_reason == 7);
  CHECK(join(parked) == &ready);
  IS(VT_ESTALE, vt_cancel(parked, 0));
  IS(VT_ESTALE, vt_cancel_reason(parked, &reason));
  IS(VT_EINVAL, vt_cancel(0, 0));
  IS(VT_EINVAL, vt_cancel_reason(parked, NULL));
  IS(VT_EAGAIN, vt_cancel_reason(0, &reason));
  vt_chan_release(chan);
  end(rt);
  a_fiber_that_has_not_begun_begins_canceled();
  a_shutdown_says_so();
  puts("ok");
  return 0;
}
