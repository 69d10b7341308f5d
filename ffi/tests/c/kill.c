/* Killing: a fiber ends where it waits, without going on, and without being unwound. */
#include "check.h"

static uint32_t cleaned, went_on, started, dropped_args;
static vt_mutex mutex = VT_MUTEX_INIT;
static vt_chan *chan;

static void clean(void *arg) {
  (void)arg;
  add(&cleaned);
}

static void unlock(void *arg) { OK(vt_mutex_unlock(arg)); }

typedef vt_status (*wait)(void);

static vt_status wait_park(void) { return vt_park(VT_FOREVER); }
static vt_status wait_sleep(void) { return vt_sleep_until(vt_now() + 3600000 * MS); }
static vt_status wait_recv(void) {
  int byte;
  return vt_chan_recv(chan, &byte, VT_FOREVER);
}
static vt_status wait_lock(void) { return vt_mutex_lock(&mutex, VT_FOREVER); }
static vt_status wait_word(void) {
  uint32_t word = 0;
  return vt_wait_on(&word, 0, VT_FOREVER);
}
static vt_status wait_select(void) {
  int byte;
  size_t which;
  vt_case cases[2];
  memset(cases, 0, sizeof cases);
  cases[0].size = cases[1].size = sizeof(vt_case);
  cases[0].kind = VT_CASE_RECV;
  cases[0].chan = chan;
  cases[0].elem = &byte;
  cases[1].kind = VT_CASE_AT;
  cases[1].deadline = VT_FOREVER;
  return vt_select(cases, 2, VT_FOREVER, &which);
}

static const wait waits[] = {wait_park, wait_sleep, wait_recv, wait_lock, wait_word, wait_select};

static void *waits_for_ever(void *arg) {
  OK(vt_defer(clean, NULL));
  add(&started);
  vt_status status = (*(const wait *)arg)();
  add(&went_on);
  return (void *)(intptr_t)status;
}

static void *holds_and_is_killed(void *arg) {
  OK(vt_mutex_lock(&mutex, VT_FOREVER));
  OK(vt_defer(unlock, &mutex));
  add(&started);
  vt_park(VT_FOREVER);
  add(&went_on);
  return arg;
}

static void *polls(void *arg) {
  OK(vt_defer(clean, NULL));
  add(&started);
  while (vt_poll(vt_fiber_hot()) == VT_OK) {}
  add(&went_on);
  return arg;
}

static void *masks(void *arg) {
  vt_cancel_mask(1);
  add(&started);
  OK(vt_sleep_until(vt_now() + 5 * MS));
  set(arg, 7);
  vt_cancel_mask(0);
  vt_park(VT_FOREVER);
  add(&went_on);
  return arg;
}

static void *returns(void *arg) { return arg; }

static void drop_arg(void *arg) {
  (void)arg;
  add(&dropped_args);
}

static void is_killed(vt_fiber fiber) {
  char text[100];
  size_t length;
  IS(VT_EFAILED, vt_join_text(fiber, long_time(), NULL, text, sizeof text, &length));
  CHECK(strstr(text, "it was killed") != NULL);
}

static void wait_until_parked(vt_fiber fiber) {
  vt_stack_info info = {0};
  info.size = sizeof info;
  do {
    OK(vt_fiber_info(fiber, &info));
    OK(vt_sleep_until(vt_now() + MS / 10));
  } while (info.state != VT_STATE_PARKED);
}

/* The inner fiber runs on the stack of the outer one, which joins it before it has begun. */
static vt_fiber inner;
static void *inner_waits(void *arg) {
  set(&started, 1);
  IS(VT_ECANCELED, vt_park(VT_FOREVER));
  return arg;
}
static void *joins_inner(void *arg) {
  OK(vt_spawn(NULL, NULL, inner_waits, arg, NULL, &inner));
  void *result = NULL;
  OK(vt_join(inner, VT_FOREVER, &result));
  OK(vt_yield());
  return result;
}

static void one_on_its_joiners_stack_is_only_canceled(void) {
  vt_runtime *one = runtime(1);
  set(&started, 0);
  vt_fiber outer = spawn(one, joins_inner, &inner);
  until(&started, 1);
  wait_until_parked(inner);
  IS(VT_EBUSY, vt_kill(inner));
  CHECK(join(outer) == &inner);
  /* And with its joiner it is given up. */
  set(&started, 0);
  outer = spawn(one, joins_inner, &inner);
  until(&started, 1);
  OK(vt_kill(outer));
  OK(vt_cancel(inner, 0));
  is_killed(outer);
  end(one);
}

int main(void) {
  vt_runtime *rt = runtime(2);
  OK(vt_chan_create(VT_CHAN_UNBOUNDED, sizeof(int), 0, NULL, &chan));
  OK(vt_mutex_lock(&mutex, VT_FOREVER));
  for (uint32_t i = 0; i < sizeof waits / sizeof *waits; i++) {
    set(&started, 0);
    vt_fiber fiber = spawn(rt, waits_for_ever, (void *)&waits[i]);
    until(&started, 1);
    wait_until_parked(fiber);
    OK(vt_kill(fiber));
    is_killed(fiber);
    CHECK(get(&cleaned) == i + 1 && get(&went_on) == 0);
    IS(VT_ESTALE, vt_kill(fiber));
  }
  OK(vt_mutex_unlock(&mutex));

  set(&started, 0);
  vt_fiber fiber = spawn(rt, holds_and_is_killed, NULL);
  until(&started, 1);
  OK(vt_kill(fiber));
  is_killed(fiber);
  OK(vt_mutex_lock(&mutex, long_time()));
  OK(vt_mutex_unlock(&mutex));

  set(&cleaned, 0);
  set(&started, 0);
  fiber = spawn(rt, polls, NULL);
  until(&started, 1);
  OK(vt_kill(fiber));
  is_killed(fiber);
  CHECK(get(&cleaned) == 1 && get(&went_on) == 0);

  uint32_t word = 0;
  set(&started, 0);
  fiber = spawn(rt, masks, &word);
  until(&started, 1);
  OK(vt_kill(fiber));
  is_killed(fiber);
  CHECK(get(&word) == 7 && get(&went_on) == 0);

  /* One that has not begun does not begin. */
  vt_fiber busy;
  vt_runtime *one = runtime(1);
  set(&started, 0);
  busy = spawn(one, polls, NULL);
  until(&started, 1);
  vt_fiber fresh;
  vt_fiber_options low;
  memset(&low, 0, sizeof low);
  low.size = sizeof low;
  low.priority = VT_PRIORITY_LOW;
  OK(vt_spawn(one, &low, returns, NULL, drop_arg, &fresh));
  vt_status killed = vt_kill(fresh);
  OK(vt_kill(busy));
  is_killed(busy);
  if (killed == VT_OK && vt_join(fresh, long_time(), NULL) == VT_EFAILED) CHECK(get(&dropped_args) == 1);
  end(one);

  IS(VT_EINVAL, vt_kill(0));
  one_on_its_joiners_stack_is_only_canceled();
  vt_chan_release(chan);
  end(rt);
  puts("ok");
  return 0;
}
