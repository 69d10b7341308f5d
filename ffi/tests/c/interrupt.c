/* Interrupts: a fiber does what others leave with it, wherever it is, and goes on. */
#include "check.h"

static uint32_t calls, drops, started;
static vt_fiber called_on;

static void call(void *arg) {
  called_on = vt_fiber_self();
  if (arg != NULL) IS(VT_ECANCELED, vt_park(VT_FOREVER));
  add(&calls);
}

static void count_drop(void *arg) {
  (void)arg;
  add(&drops);
}

static void *parks(void *arg) {
  add(&started);
  OK(vt_park(long_time()));
  return arg;
}

static void *sleeps(void *arg) {
  add(&started);
  /* Sleeps until it has been interrupted, each time as long as it was to. */
  do {
    int64_t before = vt_now();
    OK(vt_sleep_until(before + 20 * MS));
    CHECK(vt_now() >= before + 20 * MS);
  } while (get(&calls) == 0);
  return arg;
}

static void *receives(void *chan) {
  int number = 0;
  add(&started);
  OK(vt_chan_recv(chan, &number, long_time()));
  CHECK(number == 5);
  return chan;
}

static void *polls(void *arg) {
  add(&started);
  while (get(&calls) == 0) OK(vt_poll(vt_fiber_hot()));
  CHECK(vt_fiber_hot()->poll == 0 || vt_poll(vt_fiber_hot()) == VT_OK);
  return arg;
}

static void *spins(void *flag) {
  add(&started);
  while (get(flag) == 0) {}
  return flag;
}

int main(void) {
  vt_runtime *rt = runtime(2);
  vt_chan *chan = NULL;
  OK(vt_chan_create(VT_CHAN_BOUNDED, sizeof(int), 1, NULL, &chan));

  vt_fiber fiber = spawn(rt, parks, NULL);
  until(&started, 1);
  for (uint32_t i = 1; i <= 20; i++) {
    OK(vt_interrupt(fiber, call, i % 2 ? NULL : &calls, count_drop));
    until(&calls, i);
    CHECK(called_on == fiber);
  }
  OK(vt_unpark(fiber));
  join(fiber);
  IS(VT_ESTALE, vt_interrupt(fiber, call, NULL, count_drop));
  CHECK(get(&drops) == 1);

  set(&calls, 0);
  set(&started, 0);
  fiber = spawn(rt, sleeps, NULL);
  until(&started, 1);
  OK(vt_interrupt(fiber, call, NULL, NULL));
  join(fiber);
  CHECK(get(&calls) == 1);

  set(&calls, 0);
  set(&started, 0);
  fiber = spawn(rt, receives, chan);
  until(&started, 1);
  OK(vt_interrupt(fiber, call, NULL, NULL));
  until(&calls, 1);
  int five = 5;
  OK(vt_chan_send(chan, &five, VT_FOREVER));
  join(fiber);

  set(&calls, 0);
  set(&started, 0);
  fiber = spawn(rt, polls, NULL);
  until(&started, 1);
  OK(vt_interrupt(fiber, call, NULL, NULL));
  join(fiber);

  /* One that neither polls nor waits ends first. */
  uint32_t flag = 0;
  set(&calls, 0);
  set(&drops, 0);
  set(&started, 0);
  fiber = spawn(rt, spins, &flag);
  until(&started, 1);
  OK(vt_interrupt(fiber, call, NULL, count_drop));
  OK(vt_interrupt(fiber, call, NULL, count_drop));
  set(&flag, 1);
  join(fiber);
  CHECK(get(&calls) == 0 && get(&drops) == 2);

  IS(VT_EINVAL, vt_interrupt(0, call, NULL, count_drop));
  IS(VT_EINVAL, vt_interrupt(fiber, NULL, NULL, count_drop));
  CHECK(get(&drops) == 4);
  vt_chan_release(chan);
  end(rt);
  puts("ok");
  return 0;
}
