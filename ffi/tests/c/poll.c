/* Polls: loops that let others run, and loops that end when they are canceled. */
#include "check.h"

static uint32_t flag, spins;

static void *poll_until_flag(void *arg) {
  vt_hot *hot = vt_fiber_hot();
  CHECK(hot != NULL);
  for (unsigned i = 1; get(&flag) == 0; i++) OK(i % 256 == 0 ? vt_poll_slow() : vt_poll(hot));
  return arg;
}

static void *only_poll_until_flag(void *arg) {
  vt_hot *hot = vt_fiber_hot();
  set(&spins, 1);
  while (get(&flag) == 0) OK(vt_poll(hot));
  return arg;
}

static void *consume_slices(void *arg) {
  vt_hot *hot = vt_fiber_hot();
  CHECK(hot->poll == 0);
  OK(vt_consume(999));
  CHECK(hot->poll == 0);
  OK(vt_consume(1));
  CHECK(hot->poll != 0);
  OK(vt_poll(hot));
  OK(vt_consume(UINT32_MAX));
  OK(vt_consume(UINT32_MAX));
  OK(vt_poll(hot));
  CHECK(hot->poll == 0);
  return arg;
}

static uint32_t asked, answer, dropped_args;

static uint32_t slice_is_over(vt_fiber fiber, void *arg) {
  CHECK(fiber == vt_fiber_self() && arg == &answer);
  set(&asked, get(&asked) + 1);
  return get(&answer);
}

static void drop_arg(void *arg) {
  CHECK(arg == &answer);
  set(&dropped_args, get(&dropped_args) + 1);
}

static void handlers_decide_at_the_end_of_a_slice(vt_runtime *rt);

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

static void handlers_decide_at_the_end_of_a_slice(vt_runtime *rt) {
  OK(vt_set_slice_handler(rt, slice_is_over, &answer, drop_arg));
  set(&answer, VT_SLICE_YIELD);
  set(&flag, 0);
  vt_fiber spinner = spawn(rt, only_poll_until_flag, NULL);
  vt_fiber raiser = spawn(rt, raise_flag, NULL);
  join(spinner);
  join(raiser);

  /* Any other number is as good as to yield. */
  const uint32_t others[] = {3, 7, 1u << 31, UINT32_MAX};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    set(&answer, others[i]);
    set(&asked, 0);
    set(&flag, 0);
    set(&spins, 0);
    spinner = spawn(rt, only_poll_until_flag, NULL);
    until(&spins, 1);
    raiser = spawn(rt, raise_flag, NULL);
    join(spinner);
    join(raiser);
    CHECK(get(&asked) > 0);
  }

  set(&answer, VT_SLICE_CONTINUE);
  set(&asked, 0);
  set(&flag, 0);
  spinner = spawn(rt, poll_until_canceled, NULL);
  until(&flag, 1);
  raiser = spawn(rt, raise_flag, NULL);
  while (get(&asked) < 3) OK(vt_sleep_until(vt_now() + MS));
  set(&answer, VT_SLICE_CANCEL);
  join(spinner);
  join(raiser);
  CHECK(get(&dropped_args) == 0);
  OK(vt_set_slice_handler(rt, NULL, &answer, drop_arg));
  CHECK(get(&dropped_args) == 2);
  OK(vt_set_slice_handler(rt, slice_is_over, &answer, drop_arg));
  IS(VT_ECONTEXT, vt_set_slice_handler(NULL, slice_is_over, &answer, drop_arg));
  CHECK(get(&dropped_args) == 3);
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

  /* The inline poll alone is enough, and a fiber of a higher priority comes at once. */
  set(&flag, 0);
  spinner = spawn(rt, only_poll_until_flag, NULL);
  raiser = spawn(rt, raise_flag, NULL);
  join(spinner);
  join(raiser);
  vt_fiber_options urgent;
  memset(&urgent, 0, sizeof urgent);
  urgent.size = sizeof urgent;
  urgent.priority = VT_PRIORITY_HIGH;
  set(&flag, 0);
  spinner = spawn(rt, only_poll_until_flag, NULL);
  OK(vt_spawn(rt, &urgent, raise_flag, NULL, NULL, &raiser));
  join(spinner);
  join(raiser);

  run(rt, consume_slices, NULL);
  IS(VT_ECONTEXT, vt_consume(1));
  handlers_decide_at_the_end_of_a_slice(rt);

  IS(VT_ECONTEXT, vt_poll_slow());
  IS(VT_ECONTEXT, vt_poll(NULL));
  CHECK(vt_fiber_hot() == NULL);
  end(rt);
  puts("ok");
  return 0;
}
