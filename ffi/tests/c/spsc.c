/* One sender and one receiver: cheap, and a second of either is told. */
#include "check.h"
#include <pthread.h>

enum { EACH = 20000 };

typedef struct { uint64_t numbers[4]; } big;

static void *send_each(void *chan) {
  big in;
  for (uint64_t i = 0; i < EACH; i++) {
    for (int j = 0; j < 4; j++) in.numbers[j] = i;
    OK(vt_chan_send(chan, &in, long_time()));
  }
  OK(vt_chan_close(chan));
  return NULL;
}

static void *receive_each(void *chan) {
  big out;
  for (uint64_t i = 0; i < EACH; i++) {
    OK(vt_chan_recv(chan, &out, long_time()));
    for (int j = 0; j < 4; j++) CHECK(out.numbers[j] == i);
  }
  IS(VT_ECLOSED, vt_chan_recv(chan, &out, long_time()));
  return NULL;
}

static void fibers_and_threads_pair_up(vt_runtime *rt) {
  vt_chan *chan = NULL;
  pthread_t thread;
  OK(vt_chan_create(VT_CHAN_SPSC, sizeof(big), 16, NULL, &chan));
  CHECK(pthread_create(&thread, NULL, receive_each, chan) == 0);
  run(rt, send_each, chan);
  CHECK(pthread_join(thread, NULL) == 0);
  vt_chan_release(chan);

  OK(vt_chan_create(VT_CHAN_SPSC, sizeof(big), 1, NULL, &chan));
  vt_fiber fiber = spawn(rt, receive_each, chan);
  run(rt, send_each, chan);
  join(fiber);
  vt_chan_release(chan);
}

static void wait_until_parked(vt_fiber fiber, uint32_t kind) {
  vt_stack_info info;
  info.size = sizeof info;
  do OK(vt_fiber_info(fiber, &info));
  while (info.state != VT_STATE_PARKED || info.wait_kind != kind);
}

static void *recv_one(void *chan) {
  uint32_t out = 0;
  vt_status status = vt_chan_recv(chan, &out, long_time());
  return (void *)(intptr_t)(status == VT_OK ? (int)out : status);
}

static void *send_one(void *chan) {
  uint32_t in = 9;
  return (void *)(intptr_t)vt_chan_send(chan, &in, long_time());
}

static void a_second_at_an_end_is_told(vt_runtime *rt) {
  vt_chan *chan = NULL;
  uint32_t in = 4, out = 0;
  OK(vt_chan_create(VT_CHAN_SPSC, sizeof(uint32_t), 1, NULL, &chan));
  vt_fiber fiber = spawn(rt, recv_one, chan);
  wait_until_parked(fiber, 5);
  IS(VT_EBUSY, vt_chan_recv(chan, &out, VT_FOREVER));
  OK(vt_chan_send(chan, &in, VT_FOREVER));
  CHECK(join(fiber) == (void *)4);

  OK(vt_chan_send(chan, &in, VT_NOW));
  fiber = spawn(rt, send_one, chan);
  wait_until_parked(fiber, 4);
  IS(VT_EBUSY, vt_chan_send(chan, &in, VT_FOREVER));
  OK(vt_chan_recv(chan, &out, VT_FOREVER));
  CHECK(join(fiber) == (void *)VT_OK && out == 4);

  /* An end is free again, whatever ended its use. */
  OK(vt_chan_recv(chan, &out, VT_FOREVER));
  IS(VT_ETIMEDOUT, vt_chan_recv(chan, &out, vt_now() + MS));
  fiber = spawn(rt, recv_one, chan);
  wait_until_parked(fiber, 5);
  OK(vt_cancel(fiber, 0));
  CHECK(join(fiber) == (void *)(intptr_t)VT_ECANCELED);
  IS(VT_EAGAIN, vt_chan_recv(chan, &out, VT_NOW));
  vt_chan_release(chan);
}

int main(void) {
  vt_runtime *rt = runtime(2);
  a_second_at_an_end_is_told(rt);
  fibers_and_threads_pair_up(rt);
  end(rt);
  puts("ok");
  return 0;
}
