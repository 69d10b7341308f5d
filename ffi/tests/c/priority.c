/* Priority: the smallest first, by the number at the start or by a comparison; equals in order. */
#include "check.h"

typedef struct { int64_t key; uint32_t order; char rest[40]; } job;

static void by_the_number_at_the_start(void) {
  static const int64_t keys[] = {3, -1, INT64_MAX, 3, INT64_MIN, 0, -1};
  static const uint32_t order[] = {4, 1, 6, 5, 0, 3, 2};
  vt_chan *chan = NULL;
  OK(vt_chan_create(VT_CHAN_PRIORITY, sizeof(job), 0, NULL, &chan));
  job in, out;
  memset(&in, 0, sizeof in);
  for (in.order = 0; in.order < 7; in.order++) {
    in.key = keys[in.order];
    OK(vt_chan_send(chan, &in, VT_NOW));
  }
  OK(vt_chan_close(chan));
  for (uint32_t i = 0; i < 7; i++) {
    OK(vt_chan_recv(chan, &out, VT_FOREVER));
    CHECK(out.order == order[i] && out.key == keys[out.order]);
  }
  IS(VT_ECLOSED, vt_chan_recv(chan, &out, VT_FOREVER));
  vt_chan_release(chan);
}

static uint32_t drops;
static void drop(void *elem) { __atomic_add_fetch(&drops, *(uint16_t *)elem, __ATOMIC_SEQ_CST); }

/* The last digit counts, in the direction that `user` says. */
static int32_t by_digit(const void *a, const void *b, void *user) {
  int32_t x = *(const uint16_t *)a % 10, y = *(const uint16_t *)b % 10;
  return (x - y) * *(int32_t *)user;
}

static void by_a_comparison_and_bounded(void) {
  vt_chan *chan = NULL;
  vt_chan_options options;
  int32_t direction = -1;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.kind = VT_CHAN_PRIORITY;
  options.elem = sizeof(uint16_t);
  options.cap = 4;
  options.drop_elem = drop;
  IS(VT_EINVAL, vt_chan_create_with(&options, &chan)); /* No room for a number, no comparison. */
  options.compare = by_digit;
  options.user = &direction;
  OK(vt_chan_create_with(&options, &chan));
  static const uint16_t in[] = {11, 37, 27, 45};
  static const uint16_t order[] = {37, 27, 45};
  uint16_t out = 0;
  for (int i = 0; i < 4; i++) OK(vt_chan_send(chan, &in[i], VT_FOREVER));
  IS(VT_EAGAIN, vt_chan_send(chan, &in[0], VT_NOW));
  for (int i = 0; i < 3; i++) {
    OK(vt_chan_recv(chan, &out, VT_NOW));
    CHECK(out == order[i]);
  }
  CHECK(vt_chan_len(chan) == 1);
  vt_chan_release(chan);
  CHECK(get(&drops) == 11);

  options.kind = VT_CHAN_BOUNDED;
  IS(VT_EINVAL, vt_chan_create_with(&options, &chan)); /* Nothing to compare. */
}

enum { FIBERS = 4, EACH = 300 };

static void *send_each(void *chan) {
  for (int64_t i = 0; i < EACH; i++) OK(vt_chan_send(chan, &i, long_time()));
  return NULL;
}

static void *sum_all(void *chan) {
  int64_t value;
  uintptr_t sum = 0;
  while (vt_chan_recv(chan, &value, long_time()) == VT_OK) sum += (uintptr_t)value;
  return (void *)sum;
}

static void many_share_it(vt_runtime *rt) {
  vt_chan *chan = NULL;
  vt_fiber senders[FIBERS], receivers[FIBERS];
  uintptr_t sum = 0;
  OK(vt_chan_create(VT_CHAN_PRIORITY, sizeof(int64_t), 3, NULL, &chan));
  for (int i = 0; i < FIBERS; i++) {
    receivers[i] = spawn(rt, sum_all, chan);
    senders[i] = spawn(rt, send_each, chan);
  }
  for (int i = 0; i < FIBERS; i++) join(senders[i]);
  OK(vt_chan_close(chan));
  for (int i = 0; i < FIBERS; i++) sum += (uintptr_t)join(receivers[i]);
  CHECK(sum == (uintptr_t)FIBERS * (EACH * (EACH - 1) / 2));
  vt_chan_release(chan);
}

int main(void) {
  by_the_number_at_the_start();
  by_a_comparison_and_bounded();
  vt_runtime *rt = runtime(2);
  many_share_it(rt);
  end(rt);
  puts("ok");
  return 0;
}
