/* Timers: once, in a beat, closed, and never. */
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

int main(void) {
  once_and_silent();
  a_beat_does_not_drift_and_counts();
  wrong_arguments_are_refused();
  vt_runtime *rt = runtime(1);
  closing_ends_the_waits(rt);
  end(rt);
  puts("ok");
  return 0;
}
