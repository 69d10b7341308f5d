/* A channel for one element: who sends second is told, and who receives second too. */
#include "check.h"
#include <pthread.h>

enum { RIVALS = 6, ROUNDS = 50 };

static uint32_t drops, sent, received;

static void drop(void *elem) { __atomic_add_fetch(&drops, *(uint32_t *)elem, __ATOMIC_SEQ_CST); }

static vt_chan *oneshot(void) {
  vt_chan *chan = NULL;
  OK(vt_chan_create(VT_CHAN_ONESHOT, sizeof(uint32_t), 0, drop, &chan));
  return chan;
}

static void it_carries_one_and_is_closed(void) {
  vt_chan *chan = oneshot();
  uint32_t in = 5, out = 0;
  IS(VT_EAGAIN, vt_chan_recv(chan, &out, VT_NOW));
  OK(vt_chan_send(chan, &in, VT_FOREVER));
  IS(VT_EDUP, vt_chan_send(chan, &in, VT_FOREVER));
  CHECK(vt_chan_len(chan) == 1);
  OK(vt_chan_recv(chan, &out, VT_FOREVER));
  CHECK(out == 5);
  IS(VT_ECLOSED, vt_chan_recv(chan, &out, VT_FOREVER));
  IS(VT_EDUP, vt_chan_send(chan, &in, VT_NOW));
  vt_chan_release(chan);
  CHECK(get(&drops) == 0);

  /* Closed before anything was sent. */
  chan = oneshot();
  OK(vt_chan_close(chan));
  IS(VT_ECLOSED, vt_chan_send(chan, &in, VT_NOW));
  IS(VT_ECLOSED, vt_chan_send(chan, &in, VT_NOW));
  IS(VT_ECLOSED, vt_chan_recv(chan, &out, VT_FOREVER));
  vt_chan_release(chan);

  /* Sent, and received by nobody. */
  chan = oneshot();
  OK(vt_chan_send(chan, &in, VT_NOW));
  vt_chan_release(chan);
  CHECK(get(&drops) == 5);
}

static void *rival(void *arg) {
  vt_chan *chan = arg;
  uint32_t value = 1;
  vt_status status = vt_chan_send(chan, &value, VT_NOW);
  if (status == VT_OK) add(&sent);
  else IS(VT_EDUP, status);
  status = vt_chan_recv(chan, &value, long_time());
  if (status == VT_OK) add(&received);
  else IS(VT_ECLOSED, status);
  return NULL;
}

static void one_of_many_sends_and_one_receives(vt_runtime *rt) {
  for (int round = 0; round < ROUNDS; round++) {
    vt_chan *chan = oneshot();
    vt_fiber fibers[RIVALS];
    pthread_t threads[2];
    set(&sent, 0);
    set(&received, 0);
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, rival, chan) == 0);
    for (int i = 0; i < RIVALS; i++) fibers[i] = spawn(rt, rival, chan);
    for (int i = 0; i < RIVALS; i++) join(fibers[i]);
    for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(get(&sent) == 1 && get(&received) == 1);
    vt_chan_release(chan);
  }
}

int main(void) {
  it_carries_one_and_is_closed();
  vt_runtime *rt = runtime(2);
  one_of_many_sends_and_one_receives(rt);
  end(rt);
  puts("ok");
  return 0;
}
