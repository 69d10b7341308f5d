/* Polls: loops that let others run, and loops that end when they are canceled. */
#include "check.h"

static uint32_t flag;

static void *poll_until_flag(void *arg) {
  vt_hot *hot = vt_fiber_hot();
  CHECK(hot != NULL);
  for (unsigned i = 1; get(&flag) == 0; i++) OK(i % 256 == 0 ? vt_poll_slow() : vt_poll(hot));
  return arg;
}

static void *slow_until_flag(void *arg) {
  while (get(&flag) == 0) OK(vt_poll_slow());
  return arg;
}

static void *raise_flag(void *arg) {
  set(&flag, 1);
  return arg;
}

static void *poll_until_canceled(void *arg) {
  vt_hot *hot = vt_fiber_hot();
  vt_status status;
  set(&flag, 1);
  while ((status = vt_poll(hot)) == VT_OK) {}
  IS(VT_ECANCELED, status);
  IS(VT_ECANCELED, vt_poll(hot));
  IS(VT_ECANCELED, vt_poll_slow());
  return arg;
}

int main(void) {
  vt_runtime *rt = runtime(1);
  vt_fiber spinner = spawn(rt, slow_until_flag, NULL);
  vt_fiber raiser = spawn(rt, raise_flag, NULL);
  join(spinner);
  join(raiser);

  set(&flag, 0);
  spinner = spawn(rt, poll_until_flag, NULL);
  raiser = spawn(rt, raise_flag, NULL);
  join(spinner);
  join(raiser);

  set(&flag, 0);
  spinner = spawn(rt, poll_until_canceled, NULL);
  until(&flag, 1);
  OK(vt_cancel(spinner, 0));
  join(spinner);

  IS(VT_ECONTEXT, vt_poll_slow());
  IS(VT_ECONTEXT, vt_poll(NULL));
  CHECK(vt_fiber_hot() == NULL);
  end(rt);
  puts("ok");
  return 0;
}
