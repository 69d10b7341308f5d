/* Groups: nobody outlives the group he belongs to, and all can be asked to end. */
#include "check.h"

static uint32_t started, ended, canceled, deferred, dropped;
static vt_group *group;

static void note(void *word) { add(word); }
static void *returns(void *arg) { return arg; }

/* Waits until it is canceled, for the reason that `arg` is. */
static void *until_canceled(void *arg) {
  OK(vt_defer(note, &deferred));
  add(&started);
  IS(VT_ECANCELED, vt_park(VT_FOREVER));
  int32_t reason = 0;
  OK(vt_cancel_reason(0, &reason));
  CHECK(reason == (int32_t)(intptr_t)arg);
  add(&canceled);
  return arg;
}

static void *sleeps(void *arg) {
  OK(vt_defer(note, &deferred));
  OK(vt_sleep_until(vt_now() + 2 * MS));
  add(&ended);
  return arg;
}

static uint32_t go;

static void *waits_for_go(void *arg) {
  until(&go, 1);
  return arg;
}

static vt_fiber_options options_of(vt_group *its, int64_t until) {
  vt_fiber_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = VT_DETACHED;
  options.group = its;
  options.group_deadline = until;
  return options;
}

static void member(vt_runtime *rt, vt_entry entry, void *arg) {
  vt_fiber_options options = options_of(group, VT_NOW);
  OK(vt_spawn(rt, &options, entry, arg, NULL, NULL));
}

static void a_wait_ends_when_all_have(vt_runtime *rt) {
  set(&ended, 0);
  set(&deferred, 0);
  OK(vt_group_create(rt, 0, &group));
  OK(vt_group_wait(group, VT_NOW));
  for (int i = 0; i < 100; i++) member(rt, sleeps, NULL);
  OK(vt_group_wait(group, long_time()));
  CHECK(get(&ended) == 100 && get(&deferred) == 100);
  /* And once more, with members that are joined. */
  vt_fiber_options options = options_of(group, VT_NOW);
  options.flags = 0;
  vt_fiber fiber;
  OK(vt_spawn(rt, &options, returns, &options, NULL, &fiber));
  OK(vt_group_wait(group, long_time()));
  CHECK(join(fiber) == &options);
  OK(vt_group_release(group));
}

static void a_cancellation_reaches_present_and_later_members(vt_runtime *rt) {
  set(&started, 0);
  set(&canceled, 0);
  OK(vt_group_create(rt, 0, &group));
  for (int i = 0; i < 10; i++) member(rt, until_canceled, (void *)7);
  until(&started, 10);
  IS(VT_EAGAIN, vt_group_wait(group, VT_NOW));
  IS(VT_ETIMEDOUT, vt_group_wait(group, vt_now() + MS));
  OK(vt_group_cancel(group, 7));
  OK(vt_group_cancel(group, 8)); /* The first reason counts. */
  member(rt, until_canceled, (void *)7);
  OK(vt_group_wait(group, long_time()));
  CHECK(get(&canceled) == 11);
  OK(vt_group_release(group));
}

/* Is first, once the others wait, and needs nobody else. */
static void *wins(void *arg) {
  until(&started, 3);
  OK(vt_group_cancel(group, VT_CANCEL_LOST));
  OK(vt_group_cancel(group, VT_CANCEL_SIBLING)); /* Too late: they have lost. */
  OK(vt_sleep_until(vt_now() + MS)); /* It was not canceled itself. */
  add(&ended);
  return arg;
}

static void who_is_first_makes_the_others_needless(vt_runtime *rt) {
  set(&started, 0);
  set(&canceled, 0);
  set(&ended, 0);
  OK(vt_group_create(rt, 0, &group));
  for (int i = 0; i < 3; i++) member(rt, until_canceled, (void *)(intptr_t)VT_CANCEL_LOST);
  member(rt, wins, NULL);
  OK(vt_group_wait(group, long_time()));
  CHECK(get(&canceled) == 3 && get(&ended) == 1);
  OK(vt_group_release(group));
}

/* Fails, once the others wait. */
static void *fails(void *arg) {
  until(&started, 3);
  OK(vt_group_cancel(group, VT_CANCEL_SIBLING));
  OK(vt_sleep_until(vt_now() + MS)); /* It was not canceled itself. */
  add(&ended);
  return arg;
}

static void one_failure_cancels_the_rest(vt_runtime *rt) {
  set(&started, 0);
  set(&canceled, 0);
  set(&ended, 0);
  OK(vt_group_create(rt, 0, &group));
  for (int i = 0; i < 3; i++) member(rt, until_canceled, (void *)(intptr_t)VT_CANCEL_SIBLING);
  member(rt, fails, NULL);
  OK(vt_group_wait(group, long_time()));
  CHECK(get(&canceled) == 3 && get(&ended) == 1);
  OK(vt_group_release(group));
}

static uint32_t inside, most;
static void *counts(void *arg) {
  uint32_t now = add(&inside), seen = get(&most);
  while (now > seen && !__atomic_compare_exchange_n(&most, &seen, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {}
  OK(vt_yield());
  __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
  add(&ended);
  return arg;
}

static void *spawns_many(void *arg) {
  vt_fiber_options options = options_of(arg, VT_FOREVER);
  for (int i = 0; i < 100; i++) OK(vt_spawn(NULL, &options, counts, NULL, NULL, NULL));
  return arg;
}

static void a_limit_holds_spawners_up(vt_runtime *rt) {
  set(&ended, 0);
  set(&started, 0);
  OK(vt_group_create(rt, 3, &group));
  vt_fiber spawner = spawn(rt, spawns_many, group);
  vt_fiber_options options = options_of(group, VT_FOREVER);
  for (int i = 0; i < 100; i++) OK(vt_spawn(rt, &options, counts, NULL, NULL, NULL));
  join(spawner);
  OK(vt_group_wait(group, long_time()));
  CHECK(get(&ended) == 200 && get(&most) <= 3);

  for (int i = 0; i < 3; i++) member(rt, until_canceled, (void *)(intptr_t)VT_CANCEL_ABANDONED);
  set(&dropped, 0);
  options.group_deadline = VT_NOW;
  IS(VT_EAGAIN, vt_spawn(rt, &options, returns, &dropped, note, NULL));
  options.group_deadline = vt_now() + MS;
  IS(VT_ETIMEDOUT, vt_spawn(rt, &options, returns, &dropped, note, NULL));
  options.group_deadline = -1;
  IS(VT_EINVAL, vt_spawn(rt, &options, returns, &dropped, note, NULL));
  CHECK(get(&dropped) == 3);
  until(&started, 3);
  OK(vt_group_release(group));
}

static void *waits_for_itself(void *arg) {
  IS(VT_EDEADLK, vt_group_wait(arg, VT_FOREVER));
  IS(VT_EDEADLK, vt_group_release(arg));
  add(&ended);
  return NULL;
}

static void *waits_canceled(void *arg) {
  add(&started);
  IS(VT_ECANCELED, vt_group_wait(arg, VT_FOREVER));
  /* Canceled though it is, it waits for the members here. */
  OK(vt_group_release(arg));
  CHECK(get(&canceled) == 1);
  return arg;
}

static void members_and_canceled_callers_are_told(vt_runtime *rt) {
  set(&ended, 0);
  OK(vt_group_create(rt, 1, &group));
  member(rt, waits_for_itself, group);
  OK(vt_group_wait(group, long_time()));
  CHECK(get(&ended) == 1);

  set(&started, 0);
  set(&canceled, 0);
  member(rt, until_canceled, (void *)(intptr_t)VT_CANCEL_ABANDONED);
  vt_fiber waiter = spawn(rt, waits_canceled, group);
  until(&started, 2);
  OK(vt_cancel(waiter, 0));
  CHECK(join(waiter) == group);
}

/* However a member ends, it leaves. */
static void killed_and_unbegun_members_leave(vt_runtime *rt) {
  set(&started, 0);
  set(&deferred, 0);
  OK(vt_group_create(rt, 0, &group));
  vt_fiber_options options = options_of(group, VT_NOW);
  options.flags = 0;
  vt_fiber fiber;
  OK(vt_spawn(rt, &options, until_canceled, NULL, NULL, &fiber));
  until(&started, 1);
  OK(vt_kill(fiber));
  OK(vt_group_wait(group, long_time()));
  CHECK(get(&deferred) == 1);
  IS(VT_EFAILED, vt_join(fiber, long_time(), NULL));
  OK(vt_group_release(group));

  /* Those that a shutdown finds waiting, and those that never began. */
  vt_options host;
  vt_runtime *driven;
  OK(vt_options_init(&host, sizeof host));
  host.flags = VT_HOST_DRIVEN;
  OK(vt_runtime_create(&host, &driven));
  OK(vt_group_create(driven, 0, &group));
  member(driven, sleeps, NULL);
  OK(vt_group_wait(group, long_time())); /* It drives. */
  member(driven, waits_for_go, NULL);
  IS(VT_ETIMEDOUT, vt_group_wait(group, vt_now() + MS / 2));
  set(&go, 1);
  OK(vt_group_wait(group, long_time()));
  set(&dropped, 0);
  options.flags = VT_DETACHED;
  options.group = group;
  OK(vt_spawn(driven, &options, returns, &dropped, note, NULL));
  OK(vt_runtime_shutdown(driven, VT_SHUTDOWN_CANCEL, long_time()));
  OK(vt_group_wait(group, VT_NOW));
  CHECK(get(&dropped) == 1);
  OK(vt_group_release(group));
}

static void wrong_arguments_are_refused(vt_runtime *rt) {
  IS(VT_EINVAL, vt_group_create(rt, 0, NULL));
  IS(VT_ECONTEXT, vt_group_create(NULL, 0, &group));
  IS(VT_EINVAL, vt_group_wait(NULL, VT_NOW));
  IS(VT_EINVAL, vt_group_cancel(NULL, 0));
  OK(vt_group_release(NULL));
  OK(vt_group_create(rt, 0, &group));
  IS(VT_EINVAL, vt_group_wait(group, -1));
  IS(VT_EINVAL, vt_group_cancel(group, VT_CANCEL_KILLED));
  IS(VT_EINVAL, vt_group_cancel(group, -7));
  vt_runtime *other = runtime(1);
  vt_fiber_options options = options_of(group, VT_NOW);
  set(&dropped, 0);
  IS(VT_EINVAL, vt_spawn(other, &options, returns, &dropped, note, NULL));
  options.group = NULL;
  options.group_deadline = VT_FOREVER;
  IS(VT_EINVAL, vt_spawn(rt, &options, returns, &dropped, note, NULL));
  CHECK(get(&dropped) == 2);
  end(other);
  OK(vt_group_release(group));
}

int main(void) {
  vt_runtime *rt = runtime(2);
  a_wait_ends_when_all_have(rt);
  a_cancellation_reaches_present_and_later_members(rt);
  who_is_first_makes_the_others_needless(rt);
  one_failure_cancels_the_rest(rt);
  a_limit_holds_spawners_up(rt);
  members_and_canceled_callers_are_told(rt);
  killed_and_unbegun_members_leave(rt);
  wrong_arguments_are_refused(rt);
  end(rt);
  puts("ok");
  return 0;
}
