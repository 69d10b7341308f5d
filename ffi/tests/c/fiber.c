/* Fibers: spawned alone and by the thousand, named, sized, pinned, and looked at. */
#include "check.h"

static uint32_t count, drops;

static void *twice(void *arg) { return (void *)((uintptr_t)arg * 2); }

static void *counted(void *arg) {
  OK(vt_yield());
  add(&count);
  return arg;
}

static void dropped(void *arg) {
  CHECK(arg == &drops);
  add(&drops);
}

static void *spawn_from_inside(void *arg) {
  vt_fiber fiber = 0;
  (void)arg;
  OK(vt_spawn(NULL, NULL, twice, (void *)21, NULL, &fiber));
  return join(fiber);
}

static void *look_at_self(void *user) {
  vt_hot *hot = vt_fiber_hot();
  vt_stack_info info;
  char local = 0;
  CHECK(vt_fiber_self() != 0);
  CHECK(hot != NULL && (uintptr_t)hot % 64 == 0);
  CHECK(hot->user == user);
  CHECK(hot->lo < (uintptr_t)&local && (uintptr_t)&local < hot->hi);
  CHECK(hot->hi - hot->lo > 64 * 1024);

  info.size = sizeof info;
  OK(vt_fiber_info(vt_fiber_self(), &info));
  CHECK(info.id == vt_fiber_self() && info.state == VT_STATE_RUNNING);
  CHECK(info.lo == hot->lo && info.hi == hot->hi && info.user == user);
  CHECK(strcmp(info.name, "a name that is long enough to b") == 0);
  CHECK(info.wait_kind == 0);

  OK(vt_fiber_reserve(60 * 1024));
  IS(VT_ELIMIT, vt_fiber_reserve((size_t)1 << 30));
  IS(VT_ELIMIT, vt_fiber_reserve(SIZE_MAX));
  OK(vt_fiber_pin(1));
  OK(vt_fiber_pin(1));
  OK(vt_yield());
  OK(vt_fiber_pin(0));
  OK(vt_fiber_pin(0));
  OK(vt_fiber_set_priority(vt_fiber_self(), VT_PRIORITY_HIGH));
  OK(vt_fiber_set_priority(vt_fiber_self(), VT_PRIORITY_LOW));
  OK(vt_fiber_set_priority(vt_fiber_self(), VT_PRIORITY_NORMAL));
  IS(VT_EINVAL, vt_fiber_set_priority(vt_fiber_self(), 2));
  IS(VT_EINVAL, vt_fiber_set_priority(vt_fiber_self(), INT32_MIN));
  return NULL;
}

static void *parked(void *arg) {
  while (vt_park(VT_FOREVER) == VT_OK && get(&count) == 0) {}
  return arg;
}

static void options_shape_a_fiber(vt_runtime *rt) {
  vt_fiber_options options;
  vt_fiber fiber = 0;
  int word;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.stack_size = 256 * 1024;
  options.name = "a name that is long enough to be cut";
  options.user = &word;
  OK(vt_spawn(rt, &options, look_at_self, &word, NULL, &fiber));
  join(fiber);

  options.flags = VT_PINNED;
  OK(vt_spawn(rt, &options, counted, NULL, NULL, &fiber));
  join(fiber);

  options.flags = VT_DETACHED;
  set(&count, 0);
  OK(vt_spawn(rt, &options, counted, NULL, NULL, NULL));
  until(&count, 1);

  options.flags = 1u << 30;
  IS(VT_EUNSUPPORTED, vt_spawn(rt, &options, counted, &drops, dropped, &fiber));
  options.flags = 0;
  options.priority = -2;
  IS(VT_EINVAL, vt_spawn(rt, &options, counted, &drops, dropped, &fiber));
  options.priority = 0;
  options.name = "\xff";
  IS(VT_EINVAL, vt_spawn(rt, &options, counted, &drops, dropped, &fiber));
  options.name = NULL;
  options.stack_size = SIZE_MAX;
  IS(VT_EINVAL, vt_spawn(rt, &options, counted, &drops, dropped, &fiber));
  CHECK(get(&drops) == 4);
}

static void many_are_spawned_at_once(vt_runtime *rt) {
  enum { N = 1000 };
  static void *args[N];
  static vt_fiber fibers[N];
  for (uintptr_t i = 0; i < N; i++) args[i] = (void *)i;
  OK(vt_spawn_many(rt, NULL, twice, args, N, NULL, fibers));
  for (uintptr_t i = 0; i < N; i++) CHECK(join(fibers[i]) == (void *)(2 * i));
  OK(vt_spawn_many(rt, NULL, twice, NULL, 0, NULL, NULL));
  IS(VT_EINVAL, vt_spawn_many(rt, NULL, twice, NULL, 1, NULL, fibers));

  set(&drops, 0);
  for (int i = 0; i < 5; i++) args[i] = &drops;
  IS(VT_EINVAL, vt_spawn_many(rt, NULL, NULL, args, 5, dropped, fibers));
  CHECK(get(&drops) == 5);
  for (int i = 0; i < 5; i++) CHECK(fibers[i] == 0);
}

static void a_parked_fiber_can_be_looked_at(vt_runtime *rt) {
  vt_stack_info info;
  info.size = sizeof info;
  set(&count, 0);
  vt_fiber fiber = spawn(rt, parked, NULL);
  do {
    OK(vt_sleep_until(vt_now() + MS / 10));
    OK(vt_fiber_info(fiber, &info));
  } while (info.state != VT_STATE_PARKED);
  CHECK(info.wait_kind == 1);
  CHECK(info.lo != 0 && info.lo < info.hi);
  CHECK(info.sp == 0 || (info.lo < info.sp && info.sp < info.hi));
  CHECK(info.name[0] == 0);
  set(&count, 1);
  OK(vt_unpark(fiber));
  join(fiber);
  IS(VT_ESTALE, vt_fiber_info(fiber, &info));
  IS(VT_ESTALE, vt_fiber_set_priority(fiber, 0));
}

int main(void) {
  vt_runtime *rt = runtime(2);
  CHECK(run(rt, twice, (void *)4) == (void *)8);
  CHECK(run(rt, spawn_from_inside, NULL) == (void *)42);
  options_shape_a_fiber(rt);
  many_are_spawned_at_once(rt);
  a_parked_fiber_can_be_looked_at(rt);

  vt_stats stats;
  stats.size = sizeof stats;
  OK(vt_stats_get(rt, &stats));
  CHECK(stats.live == 0 && stats.spawned == stats.finished && stats.spawned > 1000);

  CHECK(vt_fiber_self() == 0 && vt_fiber_hot() == NULL);
  IS(VT_ECONTEXT, vt_fiber_pin(1));
  IS(VT_ECONTEXT, vt_fiber_reserve(1));
  OK(vt_yield());
  end(rt);
  set(&drops, 0);
  vt_fiber fiber = 0;
  IS(VT_ESTALE, vt_spawn(rt, NULL, twice, &drops, dropped, &fiber));
  CHECK(get(&drops) == 1 && fiber == 0);
  puts("ok");
  return 0;
}
