/* Broadcast: every element to every subscriber, exact counts of what was missed, copies that are
 * counted, and every element dropped as often as it was copied. */
#include "check.h"
#include <pthread.h>

enum { SUBSCRIBERS = 6, EACH = 400 };

static vt_chan *broadcast(size_t elem, size_t cap, vt_drop drop, vt_copy copy, void *user) {
  vt_chan *chan = NULL;
  vt_chan_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.kind = VT_CHAN_BROADCAST;
  options.elem = elem;
  options.cap = cap;
  options.drop_elem = drop;
  options.copy_elem = copy;
  options.user = user;
  OK(vt_chan_create_with(&options, &chan));
  return chan;
}

static vt_chan *subscribe(vt_chan *chan) {
  vt_chan *receiver = NULL;
  OK(vt_chan_subscribe(chan, &receiver));
  CHECK(receiver != NULL && receiver != chan);
  return receiver;
}

static void each_sees_all_from_its_subscription_on(void) {
  vt_chan *chan = broadcast(sizeof(int), 8, NULL, NULL, NULL);
  int number = 1, out = 0;
  IS(VT_ENOBODY, vt_chan_send(chan, &number, VT_FOREVER));
  vt_chan *first = subscribe(chan);
  OK(vt_chan_send(chan, &number, VT_NOW));
  vt_chan *second = subscribe(chan);
  number = 2;
  OK(vt_chan_send(chan, &number, VT_NOW));
  CHECK(vt_chan_len(first) == 2 && vt_chan_len(second) == 1 && vt_chan_len(chan) == 0);
  OK(vt_chan_recv(first, &out, VT_NOW));
  CHECK(out == 1);
  OK(vt_chan_recv(first, &out, VT_NOW));
  CHECK(out == 2);
  OK(vt_chan_recv(second, &out, VT_FOREVER));
  CHECK(out == 2);
  IS(VT_EAGAIN, vt_chan_recv(first, &out, VT_NOW));
  IS(VT_ETIMEDOUT, vt_chan_recv(first, &out, vt_now() + MS));

  /* Each end does what it is for, and nothing else. */
  vt_chan *none = NULL;
  IS(VT_EINVAL, vt_chan_recv(chan, &out, VT_NOW));
  IS(VT_EINVAL, vt_chan_send(first, &number, VT_NOW));
  IS(VT_EINVAL, vt_chan_close(first));
  IS(VT_EINVAL, vt_chan_subscribe(first, &none));
  IS(VT_EINVAL, vt_chan_subscribe(NULL, &none));
  IS(VT_EINVAL, vt_chan_subscribe(chan, NULL));
  CHECK(none == NULL);

  number = 3;
  OK(vt_chan_send(chan, &number, VT_NOW));
  OK(vt_chan_close(chan));
  IS(VT_ECLOSED, vt_chan_send(chan, &number, VT_NOW));
  OK(vt_chan_recv(first, &out, VT_FOREVER));
  CHECK(out == 3);
  IS(VT_ECLOSED, vt_chan_recv(first, &out, VT_FOREVER));
  vt_chan_release(chan);
  vt_chan_release(first);
  /* The subscription outlives the channel. */
  out = 0;
  OK(vt_chan_recv(second, &out, VT_FOREVER));
  CHECK(out == 3);
  IS(VT_ECLOSED, vt_chan_recv(second, &out, VT_FOREVER));
  vt_chan_retain(second);
  vt_chan_release(second);
  vt_chan_release(second);
}

static void who_is_slow_is_told_how_much_it_missed_once(void) {
  vt_chan *chan = broadcast(sizeof(int), 3, NULL, NULL, NULL), *slow = subscribe(chan);
  int number, out = 0;
  for (number = 1; number <= 10; number++) OK(vt_chan_send(chan, &number, VT_NOW));
  CHECK(vt_chan_missed(slow) == 0);
  IS(VT_ELAGGED, vt_chan_recv(slow, &out, VT_FOREVER));
  CHECK(out == 0 && vt_chan_missed(slow) == 7);
  for (number = 8; number <= 10; number++) {
    OK(vt_chan_recv(slow, &out, VT_NOW));
    CHECK(out == number);
  }
  IS(VT_EAGAIN, vt_chan_recv(slow, &out, VT_NOW));
  for (number = 11; number <= 14; number++) OK(vt_chan_send(chan, &number, VT_NOW));
  IS(VT_ELAGGED, vt_chan_recv(slow, &out, VT_NOW));
  CHECK(vt_chan_missed(slow) == 1);
  vt_chan_release(slow);
  vt_chan_release(chan);
}

/* A value with a count of owners, of which elements are pointers. */
typedef struct { uint32_t owners, number; } value;

static uint32_t values;

static value *make(uint32_t number) {
  value *it = malloc(sizeof *it);
  CHECK(it != NULL);
  it->owners = 1;
  it->number = number;
  add(&values);
  return it;
}

static void disown(void *elem) {
  value *it = *(value **)elem;
  if (__atomic_sub_fetch(&it->owners, 1, __ATOMIC_SEQ_CST) == 0) {
    free(it);
    __atomic_sub_fetch(&values, 1, __ATOMIC_SEQ_CST);
  }
}

static void own(void *elem, void *copies) {
  add(&(*(value **)elem)->owners);
  add(copies);
}

static void *take_all(void *receiver) {
  value *it;
  vt_status status;
  uint64_t seen = 0, last = 0;
  while ((status = vt_chan_recv(receiver, &it, long_time())) == VT_OK || status == VT_ELAGGED) {
    if (status == VT_ELAGGED) {
      CHECK(vt_chan_missed(receiver) > 0);
      seen += vt_chan_missed(receiver);
      continue;
    }
    CHECK(it->number > last);
    last = it->number;
    seen++;
    CHECK(last == seen);
    disown(&it);
  }
  IS(VT_ECLOSED, status);
  CHECK(seen == EACH);
  vt_chan_release(receiver);
  return NULL;
}

/* Subscribers are fibers and threads, in turn; with little room some of them lag. */
static void counted_values_are_counted_right(vt_runtime *rt, size_t cap) {
  uint32_t copies = 0;
  vt_chan *chan = broadcast(sizeof(value *), cap, disown, own, &copies);
  vt_fiber fibers[SUBSCRIBERS];
  pthread_t threads[SUBSCRIBERS];
  for (int i = 0; i < SUBSCRIBERS; i++) {
    vt_chan *receiver = subscribe(chan);
    if (i % 2 == 0) fibers[i] = spawn(rt, take_all, receiver);
    else CHECK(pthread_create(&threads[i], NULL, take_all, receiver) == 0);
  }
  for (uint32_t i = 1; i <= EACH; i++) {
    value *it = make(i);
    OK(vt_chan_send(chan, &it, VT_NOW));
  }
  OK(vt_chan_close(chan));
  value *unsent = make(0);
  IS(VT_ECLOSED, vt_chan_send(chan, &unsent, VT_NOW));
  disown(&unsent);
  for (int i = 0; i < SUBSCRIBERS; i++) {
    if (i % 2 == 0) join(fibers[i]);
    else CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(get(&copies) <= SUBSCRIBERS * EACH && get(&copies) > 0);
  if (cap >= EACH) CHECK(get(&copies) == SUBSCRIBERS * EACH);
  /* The last subscriber has taken with it what the channel kept. */
  CHECK(get(&values) == 0);
  vt_chan_release(chan);
}

static void what_is_kept_is_dropped_with_the_channel(void) {
  uint32_t copies = 0;
  vt_chan *chan = broadcast(sizeof(value *), 2, disown, own, &copies), *receiver = subscribe(chan);
  for (uint32_t i = 1; i <= 5; i++) {
    value *it = make(i);
    OK(vt_chan_send(chan, &it, VT_NOW));
    CHECK(get(&values) == (i < 2 ? i : 2));
  }
  vt_chan_release(chan);
  CHECK(get(&values) == 2);
  vt_chan_release(receiver);
  CHECK(get(&values) == 0 && get(&copies) == 0);
}

static void *wait_for_one(void *receiver) {
  int out = 0;
  OK(vt_chan_recv(receiver, &out, long_time()));
  return (void *)(intptr_t)out;
}

static void until_it_waits(vt_fiber fiber) {
  vt_stack_info info;
  info.size = sizeof info;
  do OK(vt_fiber_info(fiber, &info));
  while (info.state != VT_STATE_PARKED || info.wait_kind != 5);
}

static void a_second_user_of_a_subscription_is_told(vt_runtime *rt) {
  vt_chan *chan = broadcast(sizeof(int), 2, NULL, NULL, NULL), *receiver = subscribe(chan);
  vt_fiber fiber = spawn(rt, wait_for_one, receiver);
  until_it_waits(fiber);
  int number = 7, out = 0;
  IS(VT_EBUSY, vt_chan_recv(receiver, &out, VT_FOREVER));
  CHECK(vt_chan_len(receiver) == 0);
  OK(vt_chan_send(chan, &number, VT_NOW));
  CHECK(join(fiber) == (void *)7);
  IS(VT_EAGAIN, vt_chan_recv(receiver, &out, VT_NOW));
  vt_chan_release(receiver);
  vt_chan_release(chan);
}

static void *be_canceled(void *receiver) {
  int out = 0;
  IS(VT_ECANCELED, vt_chan_recv(receiver, &out, long_time()));
  IS(VT_ECANCELED, vt_chan_recv(receiver, &out, long_time()));
  return NULL;
}

static void who_is_canceled_lets_go(vt_runtime *rt) {
  vt_chan *chan = broadcast(sizeof(int), 2, NULL, NULL, NULL), *receiver = subscribe(chan);
  int out = 0;
  vt_fiber fiber = spawn(rt, be_canceled, receiver);
  OK(vt_cancel(fiber, 0));
  join(fiber);
  IS(VT_EAGAIN, vt_chan_recv(receiver, &out, VT_NOW));
  vt_chan_release(receiver);
  vt_chan_release(chan);
}

/* Both do not do what cancellation asks of them. */
static void *receive_for_ever(void *receiver) {
  int out = 0;
  for (;;) vt_chan_recv(receiver, &out, VT_FOREVER);
  return NULL;
}

static void *select_for_ever(void *receiver) {
  int out = 0;
  size_t which;
  vt_case wanted;
  memset(&wanted, 0, sizeof wanted);
  wanted.size = sizeof wanted;
  wanted.kind = VT_CASE_RECV;
  wanted.chan = receiver;
  wanted.elem = &out;
  for (;;) vt_select(&wanted, 1, VT_FOREVER, &which);
  return NULL;
}

static void who_is_stopped_for_good_lets_go(void) {
  vt_chan *chan = broadcast(sizeof(int), 2, NULL, NULL, NULL);
  vt_chan *first = subscribe(chan), *second = subscribe(chan);
  int number = 7, out = 0;
  vt_runtime *rt = runtime(1);
  until_it_waits(spawn(rt, receive_for_ever, first));
  until_it_waits(spawn(rt, select_for_ever, second));
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_CANCEL, long_time()));
  OK(vt_chan_send(chan, &number, VT_NOW));
  OK(vt_chan_recv(first, &out, VT_NOW));
  OK(vt_chan_recv(second, &out, VT_NOW));
  vt_chan_release(first);
  vt_chan_release(second);
  vt_chan_release(chan);
}

int main(void) {
  each_sees_all_from_its_subscription_on();
  who_is_slow_is_told_how_much_it_missed_once();
  what_is_kept_is_dropped_with_the_channel();
  vt_runtime *rt = runtime(2);
  counted_values_are_counted_right(rt, 2);
  counted_values_are_counted_right(rt, 1024);
  a_second_user_of_a_subscription_is_told(rt);
  who_is_canceled_lets_go(rt);
  end(rt);
  who_is_stopped_for_good_lets_go();
  puts("ok");
  return 0;
}
