/* Calls that are put off until a fiber ends, in whichever way. */
#include "check.h"

static uint32_t order[8], count;

static void note(void *number) { order[add(&count) - 1] = (uint32_t)(uintptr_t)number; }

static void wait_and_note(void *number) {
  OK(vt_sleep_until(vt_now() + MS)); /* though canceled */
  note(number);
}

static void *returns(void *arg) {
  OK(vt_defer(note, (void *)1));
  OK(vt_defer(wait_and_note, (void *)2));
  OK(vt_defer(note, (void *)3));
  return arg;
}

static void *parks(void *arg) {
  returns(arg);
  vt_park(VT_FOREVER);
  CHECK(!"a killed fiber does not return from its wait");
  return arg;
}

static void *ends_canceled(void *arg) {
  returns(arg);
  IS(VT_ECANCELED, vt_park(VT_FOREVER));
  return arg;
}

static void backwards_once(void) {
  CHECK(get(&count) == 3 && order[0] == 3 && order[1] == 2 && order[2] == 1);
  set(&count, 0);
}

static void wait_until_parked(vt_fiber fiber) {
  vt_stack_info info = {0};
  info.size = sizeof info;
  do {
    OK(vt_fiber_info(fiber, &info));
    OK(vt_sleep_until(vt_now() + MS / 10));
  } while (info.state != VT_STATE_PARKED);
}

int main(void) {
  vt_runtime *rt = runtime(2);
  run(rt, returns, NULL);
  backwards_once();
  vt_fiber fiber = spawn(rt, ends_canceled, NULL);
  wait_until_parked(fiber);
  OK(vt_cancel(fiber, 0));
  join(fiber);
  backwards_once();
  fiber = spawn(rt, parks, NULL);
  wait_until_parked(fiber);
  OK(vt_kill(fiber));
  IS(VT_EFAILED, vt_join(fiber, long_time(), NULL));
  backwards_once();
  IS(VT_EINVAL, vt_defer(NULL, NULL));
  end(rt);
  puts("ok");
  return 0;
}
