/* Hooks: threads start and stop, sleep and wake, and fibers come and go. */
#include "check.h"

enum { WORKERS = 2, FIBERS = 20, TURNS = 5 };

static uint32_t starts, stops, parks, unparks, ins, outs, overs, dropped;
/* Who runs on each worker. */
static vt_fiber here[WORKERS];
static char user;

static void count(uint32_t worker, uint32_t *what, void *arg) {
  CHECK(worker < WORKERS && arg == &dropped);
  add(what);
}

static void started(uint32_t worker, void *arg) { count(worker, &starts, arg); }
static void stopped(uint32_t worker, void *arg) { count(worker, &stops, arg); }
static void parked(uint32_t worker, void *arg) { count(worker, &parks, arg); }
static void unparked(uint32_t worker, void *arg) { count(worker, &unparks, arg); }

static void comes(vt_fiber fiber, uint32_t worker, const vt_hot *hot, void *arg) {
  count(worker, &ins, arg);
  CHECK(fiber != 0 && here[worker] == 0);
  CHECK(hot != NULL && hot->user == &user && hot->lo < hot->hi);
  here[worker] = fiber;
}

static void goes(vt_fiber fiber, uint32_t worker, const vt_hot *hot, void *arg) {
  count(worker, &outs, arg);
  CHECK(here[worker] == fiber);
  here[worker] = 0;
  if (hot == NULL) add(&overs);
  else CHECK(hot->user == &user);
}

static void drop(void *arg) { add(arg); }

static void *yields(void *arg) {
  for (int i = 1; i < TURNS; i++) OK(vt_yield());
  return arg;
}

static vt_hooks all_hooks(void) {
  vt_hooks hooks;
  memset(&hooks, 0, sizeof hooks);
  hooks.size = sizeof hooks;
  hooks.thread_start = started;
  hooks.thread_stop = stopped;
  hooks.before_park = parked;
  hooks.after_unpark = unparked;
  hooks.switch_in = comes;
  hooks.switch_out = goes;
  hooks.arg = &dropped;
  hooks.drop = drop;
  return hooks;
}

static void every_turn_is_told(void) {
  vt_hooks hooks = all_hooks();
  vt_options options;
  vt_runtime *rt;
  OK(vt_options_init(&options, sizeof options));
  options.workers = WORKERS;
  options.hooks = &hooks;
  OK(vt_runtime_create(&options, &rt));
  memset(&hooks, 0xff, sizeof hooks); /* They were copied. */
  vt_fiber_options its;
  memset(&its, 0, sizeof its);
  its.size = sizeof its;
  its.user = &user;
  vt_fiber fibers[FIBERS];
  for (int i = 0; i < FIBERS; i++) OK(vt_spawn(rt, &its, yields, &fibers[i], NULL, &fibers[i]));
  for (int i = 0; i < FIBERS; i++) CHECK(join(fibers[i]) == &fibers[i]);
  CHECK(get(&stops) == 0 && get(&dropped) == 0);
  end(rt);
  CHECK(get(&starts) == WORKERS && get(&stops) == WORKERS);
  CHECK(get(&parks) == get(&unparks));
  CHECK(get(&ins) == FIBERS * TURNS && get(&outs) == get(&ins) && get(&overs) == FIBERS);
  until(&dropped, 1);
}

static void what_cannot_be_is_refused(void) {
  vt_hooks hooks = all_hooks();
  vt_options options;
  vt_runtime *rt;
  OK(vt_options_init(&options, sizeof options));
  options.hooks = &hooks;
  hooks.size = 7;
  IS(VT_EINVAL, vt_runtime_create(&options, &rt));
  hooks.size = sizeof hooks;
  hooks.flags = 1;
  set(&dropped, 0);
  IS(VT_EUNSUPPORTED, vt_runtime_create(&options, &rt));
  CHECK(get(&dropped) == 1);
  /* Understood, but there is no such runtime: their argument is dropped. */
  hooks.flags = 0;
  options.workers = 100000;
  set(&dropped, 0);
  IS(VT_EINVAL, vt_runtime_create(&options, &rt));
  CHECK(get(&dropped) == 1);
}

int main(void) {
  every_turn_is_told();
  what_cannot_be_is_refused();
  puts("ok");
  return 0;
}
