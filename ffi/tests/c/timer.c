/* Timers: once, in a beat, closed, and never; and those that call. */
#include "check.h"

static void *first(void *timer) {
  vt_tick tick;
  return (void *)(intptr_t)vt_chan_recv(timer, &tick, long_time());
}

static void once_and_silent(void) {
  vt_chan *timer = NULL;
  vt_tick tick;
  OK(vt_chan_after(long_time(), &timer));
  IS(VT_EAGAIN, vt_chan_recv(timer, &tick, VT_NOW));
  CHECK(vt_chan_len(timer) == 0);
  vt_chan_release(timer);
  int64_t at = vt_now() + 2 * MS;
  OK(vt_chan_after(at, &timer));
  OK(vt_chan_recv(timer, &tick, VT_FOREVER));
  CHECK(tick.due == at && tick.missed == 0 && vt_now() >= at);
  IS(VT_ETIMEDOUT, vt_chan_recv(timer, &tick, vt_now() + MS));
  IS(VT_EINVAL, vt_chan_send(timer, &tick, VT_NOW));
  vt_chan_release(timer);

  OK(vt_chan_after(VT_FOREVER, &timer));
  IS(VT_ETIMEDOUT, vt_chan_recv(timer, &tick, vt_now() + MS));
  vt_chan_release(timer);
}

static void a_beat_does_not_drift_and_counts(void) {
  vt_chan *timer = NULL;
  vt_tick tick;
  int64_t start = vt_now() + MS, last = 0;
  OK(vt_chan_tick(start, MS / 2, &timer));
  for (int i = 0; i < 5; i++) {
    OK(vt_chan_recv(timer, &tick, long_time()));
    CHECK((tick.due - start) % (MS / 2) == 0 && tick.due >= start);
    CHECK(i == 0 || tick.due - last == (int64_t)(tick.missed + 1) * (MS / 2));
    last = tick.due;
  }
  OK(vt_sleep_until(last + 3 * MS));
  CHECK(vt_chan_len(timer) == 1);
  OK(vt_chan_recv(timer, &tick, VT_NOW));
  CHECK(tick.missed >= 5);
  vt_chan_release(timer);
}

static void closing_ends_the_waits(vt_runtime *rt) {
  vt_chan *timer = NULL;
  OK(vt_chan_after(VT_FOREVER, &timer));
  vt_fiber fiber = spawn(rt, first, timer);
  OK(vt_chan_close(timer));
  CHECK(join(fiber) == (void *)(intptr_t)VT_ECLOSED);
  vt_chan_release(timer);
}

static void wrong_arguments_are_refused(void) {
  vt_chan *timer = NULL;
  vt_tick tick;
  IS(VT_EINVAL, vt_chan_after(-1, &timer));
  IS(VT_EINVAL, vt_chan_after(0, NULL));
  IS(VT_EINVAL, vt_chan_tick(0, 0, &timer));
  IS(VT_EINVAL, vt_chan_tick(0, -1, &timer));
  IS(VT_EINVAL, vt_chan_tick(-1, 1, &timer));
  IS(VT_EINVAL, vt_chan_tick(0, 1, NULL));
  CHECK(timer == NULL);
  OK(vt_chan_after(0, &timer));
  IS(VT_EINVAL, vt_chan_recv(timer, NULL, VT_NOW));
  IS(VT_EINVAL, vt_chan_subscribe(timer, &timer));
  OK(vt_chan_recv(timer, &tick, VT_NOW));
  CHECK(tick.due == 0);
  vt_chan_release(timer);
}

/* What the callbacks of timers tell. */
typedef struct {
  vt_runtime *rt;
  vt_timer id;
  uint32_t calls, inside, dropped, held, result;
} Told;

static void tell(void *arg) {
  Told *told = arg;
  CHECK(add(&told->inside) == 1);
  CHECK(vt_fiber_self() != 0);
  add(&told->calls);
  __atomic_sub_fetch(&told->inside, 1, __ATOMIC_SEQ_CST);
}

static void drop_told(void *arg) { add(&((Told *)arg)->dropped); }

static void stop_inside(void *arg) {
  Told *told = arg;
  add(&told->calls);
  OK(vt_timer_stop(told->rt, told->id));
  IS(VT_OK, vt_timer_stop(NULL, told->id));
}

static void go_on_until_released(void *arg) {
  Told *told = arg;
  add(&told->calls);
  until(&told->held, 1);
  set(&told->result, 7);
}

static void begin_anew_once(void *arg) {
  Told *told = arg;
  if (add(&told->calls) < 3) OK(vt_timer_restart(told->rt, told->id, vt_now() + MS, 0));
}

static void *stop(void *arg) {
  Told *told = arg;
  return (void *)(intptr_t)vt_timer_stop(NULL, told->id);
}

/* Waits until the fiber waits for the event that a stop waits for. */
static void until_it_waits(vt_fiber fiber) {
  vt_stack_info info;
  do {
    OK(vt_sleep_until(vt_now() + MS / 10));
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    OK(vt_fiber_info(fiber, &info));
  } while (info.wait_kind != 8);
}

static void a_timer_calls_once(vt_runtime *rt) {
  Told told = {.rt = rt};
  int64_t at = vt_now() + 2 * MS;
  OK(vt_timer_start(rt, at, 0, tell, &told, drop_told, &told.id));
  CHECK(told.id != 0);
  until(&told.dropped, 1);
  CHECK(get(&told.calls) == 1 && vt_now() >= at);
  IS(VT_ESTALE, vt_timer_stop(rt, told.id));
  IS(VT_ESTALE, vt_timer_restart(rt, told.id, 0, 0));

  /* Begun anew inside it is called again, and not over. */
  Told again = {.rt = rt};
  OK(vt_timer_start(rt, VT_NOW, 0, begin_anew_once, &again, drop_told, &again.id));
  until(&again.dropped, 1);
  CHECK(get(&again.calls) == 3);

  /* Nobody need know its id, and the argument need not be dropped. */
  Told unknown = {.rt = rt};
  OK(vt_timer_start(rt, VT_NOW, 0, tell, &unknown, NULL, NULL));
  until(&unknown.calls, 1);
}

static void a_beat_is_called_until_it_is_stopped(vt_runtime *rt) {
  Told told = {.rt = rt};
  OK(vt_timer_start(rt, vt_now(), MS, tell, &told, drop_told, &told.id));
  while (get(&told.calls) < 5) OK(vt_sleep_until(vt_now() + MS));
  OK(vt_timer_stop(rt, told.id));
  uint32_t calls = get(&told.calls);
  CHECK(get(&told.inside) == 0);
  OK(vt_sleep_until(vt_now() + 3 * MS));
  CHECK(get(&told.calls) == calls);
  until(&told.dropped, 1);
  IS(VT_ESTALE, vt_timer_stop(rt, told.id));

  Told inside = {.rt = rt};
  OK(vt_timer_start(rt, VT_NOW, MS, stop_inside, &inside, drop_told, &inside.id));
  until(&inside.dropped, 1);
  CHECK(get(&inside.calls) == 1);
}

static void stop_waits_for_the_call(vt_runtime *rt) {
  Told told = {.rt = rt};
  OK(vt_timer_start(rt, VT_NOW, MS, go_on_until_released, &told, drop_told, &told.id));
  until(&told.calls, 1);
  IS(VT_EAGAIN, vt_timer_stop_until(rt, told.id, VT_NOW));
  IS(VT_ETIMEDOUT, vt_timer_stop_until(rt, told.id, vt_now() + MS));
  CHECK(get(&told.dropped) == 0);
  vt_fiber stopper = spawn(rt, stop, &told);
  until_it_waits(stopper);
  set(&told.held, 1);
  CHECK(join(stopper) == (void *)(intptr_t)VT_OK);
  CHECK(told.result == 7 && get(&told.calls) == 1);
  until(&told.dropped, 1);

  /* Who stops it is canceled: it is stopped all the same. */
  Told other = {.rt = rt};
  OK(vt_timer_start(rt, VT_NOW, MS, go_on_until_released, &other, drop_told, &other.id));
  until(&other.calls, 1);
  stopper = spawn(rt, stop, &other);
  until_it_waits(stopper);
  OK(vt_cancel(stopper, 0));
  CHECK(join(stopper) == (void *)(intptr_t)VT_ECANCELED);
  set(&other.held, 1);
  until(&other.dropped, 1);
  CHECK(get(&other.calls) == 1);
}

static void wrong_timers_are_refused(vt_runtime *rt) {
  Told told = {.rt = rt};
  vt_timer id = 0;
  IS(VT_EINVAL, vt_timer_start(rt, -1, 0, tell, &told, drop_told, &id));
  IS(VT_EINVAL, vt_timer_start(rt, 0, 0, NULL, &told, drop_told, &id));
  IS(VT_EINVAL, vt_timer_start(rt, 0, 0, tell, &told, drop_told, (vt_timer *)((char *)&id + 1)));
  IS(VT_ECONTEXT, vt_timer_start(NULL, 0, 0, tell, &told, drop_told, &id));
  IS(VT_ESTALE, vt_timer_start((vt_runtime *)8, 0, 0, tell, &told, drop_told, &id));
  CHECK(get(&told.dropped) == 5 && get(&told.calls) == 0 && id == 0);
  IS(VT_ESTALE, vt_timer_stop(rt, 0));
  IS(VT_ESTALE, vt_timer_stop(rt, UINT64_MAX));
  IS(VT_ESTALE, vt_timer_stop((vt_runtime *)8, 1));
  IS(VT_ECONTEXT, vt_timer_stop(NULL, 1));

  /* Another runtime's is none of ours. */
  OK(vt_timer_start(rt, VT_FOREVER, 0, tell, &told, drop_told, &id));
  vt_runtime *other = runtime(1);
  IS(VT_ESTALE, vt_timer_stop(other, id));
  IS(VT_EINVAL, vt_timer_restart(rt, id, -1, 0));
  IS(VT_EINVAL, vt_timer_stop_until(rt, id, -1));
  end(other);
  OK(vt_timer_stop(rt, id));
  CHECK(get(&told.dropped) == 6 && get(&told.calls) == 0);
}

static void shutdown_ends_timers(void) {
  for (uint32_t mode = VT_SHUTDOWN_DRAIN; mode <= VT_SHUTDOWN_CANCEL; mode++) {
    vt_runtime *rt = runtime(2);
    Told far = {.rt = rt}, beat = {.rt = rt};
    OK(vt_timer_start(rt, vt_now() + 3600 * 1000 * MS, 0, tell, &far, drop_told, &far.id));
    OK(vt_timer_start(rt, VT_NOW, MS, tell, &beat, drop_told, &beat.id));
    /* Never due, and due once and then never again. */
    Told never = {.rt = rt}, once = {.rt = rt};
    OK(vt_timer_start(rt, VT_FOREVER, 0, tell, &never, drop_told, &never.id));
    OK(vt_timer_start(rt, VT_NOW, UINT64_MAX, tell, &once, drop_told, &once.id));
    while (get(&beat.calls) == 0) OK(vt_sleep_until(vt_now() + MS / 10));
    OK(vt_runtime_shutdown(rt, mode, long_time()));
    CHECK(get(&far.dropped) == 1 && get(&beat.dropped) == 1);
    CHECK(get(&never.dropped) == 1 && get(&once.dropped) == 1);
    CHECK(get(&far.calls) == 0 && get(&never.calls) == 0);
    IS(VT_ESTALE, vt_timer_stop(rt, far.id));
    IS(VT_ESTALE, vt_timer_start(rt, 0, 0, tell, &far, drop_told, NULL));
    CHECK(get(&far.dropped) == 2);
  }
}

static void goes_on_though_it_was_abandoned(void *arg) {
  Told *told = arg;
  add(&told->calls);
  until(&told->held, 1);
  IS(VT_ESTALE, vt_timer_restart(told->rt, told->id, VT_NOW, 0));
  set(&told->result, 7);
}

/* Nothing is called any more but what runs; every argument is dropped, that of the call which runs after it. */
static void abandoning_ends_timers(void) {
  vt_runtime *rt = runtime(2);
  Told far = {.rt = rt}, beat = {.rt = rt}, never = {.rt = rt}, busy = {.rt = rt};
  OK(vt_timer_start(rt, vt_now() + 3600 * 1000 * MS, 0, tell, &far, drop_told, &far.id));
  OK(vt_timer_start(rt, VT_FOREVER, 0, tell, &never, drop_told, &never.id));
  OK(vt_timer_start(rt, VT_NOW, MS, tell, &beat, drop_told, &beat.id));
  OK(vt_timer_start(rt, VT_NOW, MS, goes_on_though_it_was_abandoned, &busy, drop_told, &busy.id));
  until(&busy.calls, 1);
  while (get(&beat.calls) == 0) OK(vt_sleep_until(vt_now() + MS / 10));
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_ABANDON, VT_FOREVER));
  IS(VT_ESTALE, vt_timer_stop(rt, far.id));
  IS(VT_ESTALE, vt_timer_restart(rt, beat.id, VT_NOW, 0));
  IS(VT_ESTALE, vt_timer_start(rt, 0, 0, tell, &far, drop_told, NULL));
  until(&far.dropped, 2);
  until(&never.dropped, 1);
  until(&beat.dropped, 1);
  CHECK(get(&far.calls) == 0 && get(&never.calls) == 0 && get(&busy.dropped) == 0);
  set(&busy.held, 1);
  until(&busy.dropped, 1);
  CHECK(busy.result == 7 && get(&busy.calls) == 1);
}

int main(void) {
  once_and_silent();
  a_beat_does_not_drift_and_counts();
  wrong_arguments_are_refused();
  vt_runtime *rt = runtime(1);
  closing_ends_the_waits(rt);
  a_timer_calls_once(rt);
  a_beat_is_called_until_it_is_stopped(rt);
  stop_waits_for_the_call(rt);
  wrong_timers_are_refused(rt);
  end(rt);
  shutdown_ends_timers();
  abandoning_ends_timers();
  puts("ok");
  return 0;
}
