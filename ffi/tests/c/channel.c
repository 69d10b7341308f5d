/* Channels: kinds, sizes, ends on fibers and threads, closing, and what is left inside. */
#include "check.h"
#include <pthread.h>

enum { SENDERS = 4, RECEIVERS = 3, EACH = 500 };

typedef struct { uint32_t head; char bytes[300]; } big;

static uint32_t drops;
static uint32_t sum;

static void drop_word(void *elem) {
  CHECK((uintptr_t)elem % 16 == 0);
  __atomic_add_fetch(&drops, *(uint32_t *)elem, __ATOMIC_SEQ_CST);
}

static void drop_big(void *elem) {
  big *it = elem;
  CHECK((uintptr_t)elem % 16 == 0 && it->bytes[299] == 'z');
  __atomic_add_fetch(&drops, it->head, __ATOMIC_SEQ_CST);
}

static vt_chan *channel(uint32_t kind, size_t elem, size_t cap, vt_drop drop) {
  vt_chan *chan = NULL;
  OK(vt_chan_create(kind, elem, cap, drop, &chan));
  CHECK(chan != NULL);
  return chan;
}

static void a_full_channel_refuses_and_a_closed_one_drains(void) {
  vt_chan *chan = channel(VT_CHAN_BOUNDED, sizeof(uint32_t), 2, drop_word);
  uint32_t in = 5, out = 77;
  IS(VT_EAGAIN, vt_chan_recv(chan, &out, VT_NOW));
  IS(VT_ETIMEDOUT, vt_chan_recv(chan, &out, vt_now() + MS));
  CHECK(out == 77);
  OK(vt_chan_send(chan, &in, VT_NOW));
  in = 6;
  OK(vt_chan_send(chan, &in, VT_FOREVER));
  IS(VT_EAGAIN, vt_chan_send(chan, &in, VT_NOW));
  IS(VT_ETIMEDOUT, vt_chan_send(chan, &in, vt_now() + MS));
  CHECK(vt_chan_len(chan) == 2);
  OK(vt_chan_close(chan));
  OK(vt_chan_close(chan));
  IS(VT_ECLOSED, vt_chan_send(chan, &in, VT_FOREVER));
  OK(vt_chan_recv(chan, &out, VT_FOREVER));
  CHECK(out == 5);
  OK(vt_chan_recv(chan, &out, VT_NOW));
  CHECK(out == 6);
  IS(VT_ECLOSED, vt_chan_recv(chan, &out, VT_FOREVER));
  CHECK(vt_chan_len(chan) == 0 && out == 6);
  vt_chan_release(chan);
  CHECK(get(&drops) == 0);
}

static void what_is_inside_is_dropped_with_the_last_owner(void) {
  vt_chan *chan = channel(VT_CHAN_UNBOUNDED, sizeof(uint32_t), 0, drop_word);
  for (uint32_t i = 1; i <= 10; i++) OK(vt_chan_send(chan, &i, VT_NOW));
  vt_chan_retain(chan);
  vt_chan_release(chan);
  CHECK(get(&drops) == 0);
  vt_chan_release(chan);
  CHECK(get(&drops) == 55);

  set(&drops, 0);
  chan = channel(VT_CHAN_BOUNDED, sizeof(big), 3, drop_big);
  big in, out;
  memset(&in, 'z', sizeof in);
  for (in.head = 1; in.head <= 3; in.head++) OK(vt_chan_send(chan, &in, VT_NOW));
  IS(VT_EAGAIN, vt_chan_send(chan, &in, VT_NOW));
  OK(vt_chan_recv(chan, &out, VT_NOW));
  CHECK(out.head == 1 && memcmp(out.bytes, in.bytes, sizeof in.bytes) == 0);
  vt_chan_release(chan);
  CHECK(get(&drops) == 5);
}

static void elements_may_have_no_bytes(void) {
  vt_chan *chan = channel(VT_CHAN_BOUNDED, 0, 1, NULL);
  OK(vt_chan_send(chan, NULL, VT_NOW));
  IS(VT_EAGAIN, vt_chan_send(chan, NULL, VT_NOW));
  OK(vt_chan_recv(chan, NULL, VT_NOW));
  vt_chan_release(chan);
}

static void *send_each(void *chan) {
  for (uint32_t i = 1; i <= EACH; i++) OK(vt_chan_send(chan, &i, long_time()));
  return NULL;
}

static void *receive_all(void *chan) {
  uint32_t value = 0;
  vt_status status;
  while ((status = vt_chan_recv(chan, &value, long_time())) == VT_OK)
    __atomic_add_fetch(&sum, value, __ATOMIC_SEQ_CST);
  IS(VT_ECLOSED, status);
  return NULL;
}

/* Senders and receivers are fibers and threads, in turn. */
static void many_share_a_channel(vt_runtime *rt, uint32_t kind, size_t cap) {
  vt_chan *chan = channel(kind, sizeof(uint32_t), cap, NULL);
  vt_fiber fibers[SENDERS + RECEIVERS];
  pthread_t threads[SENDERS + RECEIVERS];
  set(&sum, 0);
  for (int i = 0; i < SENDERS + RECEIVERS; i++) {
    void *(*body)(void *) = i < SENDERS ? send_each : receive_all;
    if (i % 2 == 0) fibers[i] = spawn(rt, body, chan);
    else CHECK(pthread_create(&threads[i], NULL, body, chan) == 0);
  }
  for (int i = 0; i < SENDERS + RECEIVERS; i++) {
    if (i == SENDERS) OK(vt_chan_close(chan));
    if (i % 2 == 0) join(fibers[i]);
    else CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(get(&sum) == SENDERS * (EACH * (EACH + 1) / 2));
  vt_chan_release(chan);
}

static void wrong_arguments_are_refused(void) {
  vt_chan *chan = NULL;
  uint32_t word = 0;
  IS(VT_EINVAL, vt_chan_create(99, 4, 1, NULL, &chan));
  IS(VT_EINVAL, vt_chan_create(VT_CHAN_UNBOUNDED, 4, 1, NULL, &chan));
  IS(VT_EINVAL, vt_chan_create(VT_CHAN_BOUNDED, 4, 1, NULL, NULL));
  IS(VT_ELIMIT, vt_chan_create(VT_CHAN_BOUNDED, SIZE_MAX, 1, NULL, &chan));
  IS(VT_ELIMIT, vt_chan_create(VT_CHAN_BOUNDED, 4, SIZE_MAX, NULL, &chan));
  CHECK(chan == NULL);
  IS(VT_EINVAL, vt_chan_send(NULL, &word, VT_NOW));
  IS(VT_EINVAL, vt_chan_recv(NULL, &word, VT_NOW));
  IS(VT_EINVAL, vt_chan_close(NULL));
  CHECK(vt_chan_len(NULL) == 0);
  vt_chan_retain(NULL);
  vt_chan_release(NULL);
  chan = channel(VT_CHAN_BOUNDED, 4, 1, NULL);
  IS(VT_EINVAL, vt_chan_send(chan, NULL, VT_NOW));
  IS(VT_EINVAL, vt_chan_recv(chan, NULL, VT_NOW));
  IS(VT_EINVAL, vt_chan_send(chan, &word, -1));
  IS(VT_EINVAL, vt_chan_recv(chan, &word, -1));
  vt_chan_release(chan);
}

static void *receive_one(void *chan) {
  uint32_t value = 0;
  OK(vt_chan_recv(chan, &value, long_time()));
  __atomic_add_fetch(&sum, value, __ATOMIC_SEQ_CST);
  return NULL;
}

/* Nobody holds a turn that the others would have to wait for. */
static void many_receivers_wait_at_once(vt_runtime *rt) {
  vt_chan *chan = channel(VT_CHAN_BOUNDED, sizeof(uint32_t), 4, NULL);
  vt_fiber fibers[8];
  vt_stack_info info;
  info.size = sizeof info;
  set(&sum, 0);
  for (int i = 0; i < 8; i++) fibers[i] = spawn(rt, receive_one, chan);
  for (int i = 0; i < 8; i++)
    do OK(vt_fiber_info(fibers[i], &info));
    while (info.state != VT_STATE_PARKED || info.wait_kind != 5);
  for (uint32_t i = 1; i <= 8; i++) OK(vt_chan_send(chan, &i, long_time()));
  for (int i = 0; i < 8; i++) join(fibers[i]);
  CHECK(get(&sum) == 36);
  vt_chan_release(chan);
}

static void *send_nine(void *chan) {
  uint64_t in = 9;
  return (void *)(intptr_t)vt_chan_send(chan, &in, long_time());
}

/* Closing, and a cancellation, give a sender that waits for room its element back. */
static void blocked_senders_keep_their_elements(vt_runtime *rt, uint32_t kind, size_t cap) {
  vt_chan *chan = channel(kind, sizeof(uint64_t), cap, drop_word);
  uint64_t in = 5, out = 0;
  vt_stack_info info;
  info.size = sizeof info;
  set(&drops, 0);
  if (cap > 0) OK(vt_chan_send(chan, &in, VT_NOW));
  for (int cancel = 1; cancel >= 0; cancel--) {
    vt_fiber fiber = spawn(rt, send_nine, chan);
    do OK(vt_fiber_info(fiber, &info));
    while (info.state != VT_STATE_PARKED || info.wait_kind != 4);
    if (cancel) OK(vt_cancel(fiber, 0));
    else OK(vt_chan_close(chan));
    CHECK(join(fiber) == (void *)(intptr_t)(cancel ? VT_ECANCELED : VT_ECLOSED));
  }
  if (cap > 0) OK(vt_chan_recv(chan, &out, VT_FOREVER));
  CHECK(out == (cap > 0 ? 5 : 0));
  IS(VT_ECLOSED, vt_chan_recv(chan, &out, VT_FOREVER));
  vt_chan_release(chan);
  CHECK(get(&drops) == 0);
}

/* Of every kind that can have something inside. */
static void what_is_inside_is_dropped_whatever_the_kind(void) {
  static const uint32_t kinds[] = {VT_CHAN_BOUNDED, VT_CHAN_UNBOUNDED, VT_CHAN_ONESHOT, VT_CHAN_PRIORITY, VT_CHAN_SPSC};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    uint32_t kind = kinds[i];
    vt_chan *chan = channel(kind, sizeof(uint64_t), kind == VT_CHAN_BOUNDED || kind == VT_CHAN_SPSC ? 2 : 0, drop_word);
    uint64_t in = 7;
    set(&drops, 0);
    OK(vt_chan_send(chan, &in, VT_NOW));
    OK(vt_chan_close(chan));
    CHECK(vt_chan_len(chan) == 1 && get(&drops) == 0);
    vt_chan_release(chan);
    CHECK(get(&drops) == 7);
  }
}

static void options_that_no_kind_has_are_refused(void) {
  vt_chan *chan = NULL;
  vt_chan_options options;
  memset(&options, 0, sizeof options);
  IS(VT_EINVAL, vt_chan_create_with(NULL, &chan));
  IS(VT_EINVAL, vt_chan_create_with(&options, &chan));
  options.size = sizeof options;
  options.elem = 4;
  IS(VT_EINVAL, vt_chan_create_with(&options, NULL));
  for (uint32_t kind = 6; kind < 9; kind++) {
    options.kind = kind;
    IS(VT_EINVAL, vt_chan_create_with(&options, &chan));
  }
  /* A broadcast and a pair have room for at least one, and these for none that could be said. */
  IS(VT_EINVAL, vt_chan_create(VT_CHAN_BROADCAST, 4, 0, NULL, &chan));
  IS(VT_EINVAL, vt_chan_create(VT_CHAN_SPSC, 4, 0, NULL, &chan));
  IS(VT_EINVAL, vt_chan_create(VT_CHAN_ONESHOT, 4, 1, NULL, &chan));
  IS(VT_ELIMIT, vt_chan_create(VT_CHAN_BROADCAST, 4, VT_CHAN_CAP_MAX + 1, NULL, &chan));
  CHECK(chan == NULL);
  options.kind = VT_CHAN_BOUNDED;
  OK(vt_chan_create_with(&options, &chan));
  IS(VT_EINVAL, vt_chan_subscribe(chan, &chan));
  CHECK(vt_chan_missed(chan) == 0 && vt_chan_missed(NULL) == 0);
  vt_chan_release(chan);
}

int main(void) {
  a_full_channel_refuses_and_a_closed_one_drains();
  what_is_inside_is_dropped_with_the_last_owner();
  elements_may_have_no_bytes();
  wrong_arguments_are_refused();
  options_that_no_kind_has_are_refused();
  what_is_inside_is_dropped_whatever_the_kind();
  vt_runtime *rt = runtime(2);
  blocked_senders_keep_their_elements(rt, VT_CHAN_BOUNDED, 0);
  blocked_senders_keep_their_elements(rt, VT_CHAN_BOUNDED, 1);
  blocked_senders_keep_their_elements(rt, VT_CHAN_PRIORITY, 1);
  blocked_senders_keep_their_elements(rt, VT_CHAN_SPSC, 1);
  many_receivers_wait_at_once(rt);
  many_share_a_channel(rt, VT_CHAN_BOUNDED, 0);
  many_share_a_channel(rt, VT_CHAN_BOUNDED, 8);
  many_share_a_channel(rt, VT_CHAN_UNBOUNDED, 0);
  end(rt);
  puts("ok");
  return 0;
}
