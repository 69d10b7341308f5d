/* Cancellation: every wait reports it, unless it is masked. */
#include "check.h"

static uint32_t ready;

static void *waits(void *chan) {
  int byte;
  uint32_t word = 0;
  add(&ready);
  IS(VT_ECANCELED, vt_park(VT_FOREVER));
  IS(VT_ECANCELED, vt_sleep_until(VT_FOREVER));
  IS(VT_ECANCELED, vt_chan_recv(chan, &byte, VT_FOREVER));
  IS(VT_ECANCELED, vt_wait_on(&word, 0, VT_FOREVER));
  CHECK(vt_cancel_mask(1) == 0);
  IS(VT_ETIMEDOUT, vt_park(vt_now() + MS));
  IS(VT_ETIMEDOUT, vt_chan_recv(chan, &byte, vt_now() + MS));
  OK(vt_poll_slow());
  CHECK(vt_cancel_mask(0) == 1);
  IS(VT_ECANCELED, vt_park(VT_FOREVER));
  OK(vt_yield());
  return &ready;
}

int main(void) {
  vt_runtime *rt = runtime(2);
  vt_chan *chan = NULL;
  OK(vt_chan_create(VT_CHAN_UNBOUNDED, sizeof(int), 0, NULL, &chan));
  vt_fiber parked = spawn(rt, waits, chan);
  until(&ready, 1);
  IS(VT_EUNSUPPORTED, vt_cancel(parked, 1));
  OK(vt_cancel(parked, 0));
  OK(vt_cancel(parked, 0));
  CHECK(join(parked) == &ready);
  IS(VT_ESTALE, vt_cancel(parked, 0));
  IS(VT_EINVAL, vt_cancel(0, 0));
  vt_chan_release(chan);
  end(rt);
  puts("ok");
  return 0;
}
