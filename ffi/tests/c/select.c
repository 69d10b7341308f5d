/* Select: what goes, what came of it, what is left alone, how it ends, and that it is fair. */
#include "check.h"
#include <pthread.h>

static vt_case a_case(uint32_t kind, vt_chan *chan, void *elem) {
  vt_case made;
  memset(&made, 0, sizeof made);
  made.size = sizeof made;
  made.kind = kind;
  made.chan = chan;
  made.elem = elem;
  made.status = 77;
  return made;
}

static vt_case a_join(vt_fiber fiber, void **result) {
  vt_case made = a_case(VT_CASE_JOIN, NULL, result);
  made.fiber = fiber;
  return made;
}

static vt_case a_point(int64_t deadline) {
  vt_case made = a_case(VT_CASE_AT, NULL, NULL);
  made.deadline = deadline;
  return made;
}

static vt_chan *channel(uint32_t kind, size_t cap) {
  vt_chan *chan = NULL;
  OK(vt_chan_create(kind, sizeof(int), cap, NULL, &chan));
  return chan;
}

/* The index of what went, after checking that all others are as they were. */
static size_t chosen(vt_case *cases, size_t n, int64_t until, vt_status want) {
  size_t which = n;
  OK(vt_select(cases, n, until, &which));
  CHECK(which < n);
  for (size_t i = 0; i < n; i++) CHECK(cases[i].status == (i == which ? want : 77));
  cases[which].status = 77;
  return which;
}

static void *runs_the_cases(void *arg) {
  vt_chan *empty = channel(VT_CHAN_BOUNDED, 1), *full = channel(VT_CHAN_BOUNDED, 1);
  int in = 1, out = 0, unsent = 5;
  size_t which = 9;
  OK(vt_chan_send(full, &in, VT_NOW));
  vt_case cases[] = {
      a_case(VT_CASE_RECV, empty, &out),
      a_case(VT_CASE_SEND, full, &unsent),
      a_case(VT_CASE_OFF, NULL, NULL),
      a_point(VT_FOREVER),
  };
  IS(VT_EAGAIN, vt_select(cases, 4, VT_NOW, &which));
  IS(VT_ETIMEDOUT, vt_select(cases, 4, vt_now() + MS, &which));
  CHECK(which == 9 && out == 0 && vt_chan_len(full) == 1);
  for (int i = 0; i < 4; i++) CHECK(cases[i].status == 77);

  OK(vt_chan_send(empty, &in, VT_NOW));
  CHECK(chosen(cases, 4, VT_FOREVER, VT_OK) == 0 && out == 1);
  OK(vt_chan_recv(full, &out, VT_NOW));
  CHECK(chosen(cases, 4, VT_FOREVER, VT_OK) == 1);
  OK(vt_chan_recv(full, &out, VT_NOW));
  CHECK(out == 5);
  OK(vt_chan_send(full, &in, VT_NOW));

  cases[3].deadline = vt_now() + MS;
  CHECK(chosen(cases, 4, VT_FOREVER, VT_OK) == 3);
  CHECK(vt_now() >= cases[3].deadline);
  cases[3].deadline = VT_FOREVER;

  OK(vt_chan_close(empty));
  CHECK(chosen(cases, 4, VT_FOREVER, VT_ECLOSED) == 0);
  cases[0].kind = VT_CASE_OFF;
  OK(vt_chan_close(full));
  CHECK(chosen(cases, 4, VT_FOREVER, VT_ECLOSED) == 1 && unsent == 5);
  IS(VT_EAGAIN, vt_select(NULL, 0, VT_NOW, &which));
  IS(VT_ETIMEDOUT, vt_select(NULL, 0, vt_now() + MS, &which));
  vt_chan_release(empty);
  vt_chan_release(full);
  return arg;
}

static void *runs_the_kinds(void *arg) {
  vt_chan *source = channel(VT_CHAN_BROADCAST, 2), *tap = NULL, *once = channel(VT_CHAN_ONESHOT, 0);
  vt_chan *pair = channel(VT_CHAN_SPSC, 1), *timer = NULL;
  int in = 3, out = 0;
  size_t which = 9;
  vt_tick tick;
  OK(vt_chan_subscribe(source, &tap));
  OK(vt_chan_after(vt_now() + MS, &timer));
  vt_case cases[] = {a_case(VT_CASE_RECV, tap, &out), a_case(VT_CASE_RECV, once, &out),
                     a_case(VT_CASE_RECV, pair, &out), a_case(VT_CASE_RECV, timer, &tick)};
  CHECK(chosen(cases, 4, VT_FOREVER, VT_OK) == 3 && tick.missed == 0);

  vt_case send = a_case(VT_CASE_SEND, source, &in);
  for (in = 1; in <= 3; in++) CHECK(chosen(&send, 1, VT_FOREVER, VT_OK) == 0);
  CHECK(chosen(cases, 4, VT_FOREVER, VT_ELAGGED) == 0 && vt_chan_missed(tap) == 1 && out == 0);
  CHECK(chosen(cases, 4, VT_FOREVER, VT_OK) == 0 && out == 2);
  CHECK(chosen(cases, 4, VT_FOREVER, VT_OK) == 0 && out == 3);

  send.chan = once;
  CHECK(chosen(&send, 1, VT_FOREVER, VT_OK) == 0);
  CHECK(chosen(&send, 1, VT_FOREVER, VT_EDUP) == 0);
  CHECK(chosen(cases, 4, VT_FOREVER, VT_OK) == 1 && out == 4);
  CHECK(chosen(cases, 4, VT_FOREVER, VT_ECLOSED) == 1);
  cases[1].kind = VT_CASE_OFF;

  send.chan = pair;
  CHECK(chosen(&send, 1, VT_FOREVER, VT_OK) == 0);
  IS(VT_EAGAIN, vt_select(&send, 1, VT_NOW, &which));
  CHECK(chosen(cases, 4, VT_FOREVER, VT_OK) == 2);
  /* Two users of one end, and an end again free after that. */
  vt_case twice[] = {cases[2], cases[2]};
  IS(VT_EBUSY, vt_select(twice, 2, VT_FOREVER, &which));
  IS(VT_EAGAIN, vt_select(cases, 4, VT_NOW, &which));

  vt_chan_release(tap);
  send.chan = source;
  CHECK(chosen(&send, 1, VT_FOREVER, VT_ENOBODY) == 0);
  vt_chan_release(source);
  vt_chan_release(once);
  vt_chan_release(pair);
  vt_chan_release(timer);
  return arg;
}

static uint32_t go;
static void *wait_and_return(void *arg) {
  until(&go, 1);
  return arg;
}
static void *for_ever(void *arg) {
  IS(VT_ECANCELED, vt_sleep_until(VT_FOREVER));
  return arg;
}
static void *join_itself(void *arg) {
  vt_case own = a_join(vt_fiber_self(), NULL);
  CHECK(chosen(&own, 1, VT_FOREVER, VT_EDEADLK) == 0);
  return arg;
}

static void joins_are_cases(vt_runtime *rt) {
  void *result = NULL, *none = NULL;
  int mark = 0;
  set(&go, 0);
  vt_fiber soon = spawn(rt, wait_and_return, &mark), never = spawn(rt, for_ever, NULL);
  vt_case cases[] = {a_join(never, &none), a_join(soon, &result)};
  size_t which = 9;
  IS(VT_ETIMEDOUT, vt_select(cases, 2, vt_now() + MS, &which));
  set(&go, 1);
  CHECK(chosen(cases, 2, long_time(), VT_OK) == 1 && result == &mark && none == NULL);
  IS(VT_ESTALE, vt_join(soon, VT_FOREVER, NULL));
  CHECK(chosen(cases, 2, long_time(), VT_ESTALE) == 1);
  cases[1].kind = VT_CASE_OFF;
  OK(vt_cancel(never, 0));
  cases[0].elem = NULL;
  CHECK(chosen(cases, 2, long_time(), VT_OK) == 0);
  run(rt, join_itself, NULL);
}

/* Two wait for one fiber: one has its result, the other is told that it is gone. */
static void *join_by_select(void *fiber) {
  vt_case wanted = a_join(*(vt_fiber *)fiber, NULL);
  size_t which;
  OK(vt_select(&wanted, 1, long_time(), &which));
  return (void *)(intptr_t)wanted.status;
}

static void one_of_two_joiners_wins(vt_runtime *rt) {
  for (int round = 0; round < 50; round++) {
    set(&go, 0);
    vt_fiber wanted = spawn(rt, wait_and_return, NULL);
    vt_fiber a = spawn(rt, join_by_select, &wanted), b = spawn(rt, join_by_select, &wanted);
    if (round % 2) OK(vt_sleep_until(vt_now() + MS / 10));
    set(&go, 1);
    intptr_t first = (intptr_t)join(a), second = (intptr_t)join(b);
    CHECK(first + second == VT_ESTALE && first * second == 0);
  }
}

static void *be_canceled(void *chan) {
  int out = 0;
  size_t which = 9;
  vt_case cases[] = {a_case(VT_CASE_RECV, chan, &out), a_point(VT_FOREVER)};
  IS(VT_ECANCELED, vt_select(cases, 2, VT_FOREVER, &which));
  IS(VT_ECANCELED, vt_select(cases, 2, VT_FOREVER, &which));
  IS(VT_EAGAIN, vt_select(cases, 2, VT_NOW, &which));
  CHECK(which == 9 && cases[0].status == 77);
  return NULL;
}

static void cancellation_ends_it(vt_runtime *rt) {
  vt_chan *chan = channel(VT_CHAN_UNBOUNDED, 0);
  vt_fiber fiber = spawn(rt, be_canceled, chan);
  OK(vt_cancel(fiber, 0));
  join(fiber);
  vt_chan_release(chan);
}

static void it_is_fair(void) {
  vt_chan *chans[4];
  vt_case cases[4];
  int out = 0, counts[4] = {0, 0, 0, 0};
  for (int i = 0; i < 4; i++) {
    chans[i] = channel(VT_CHAN_UNBOUNDED, 0);
    cases[i] = a_case(VT_CASE_RECV, chans[i], &out);
    for (int j = 0; j < 1000; j++) OK(vt_chan_send(chans[i], &i, VT_NOW));
  }
  for (int i = 0; i < 1000; i++) {
    size_t which = chosen(cases, 4, VT_FOREVER, VT_OK);
    CHECK(out == (int)which);
    counts[which]++;
  }
  /* 250 are expected, with a deviation of 14. */
  for (int i = 0; i < 4; i++) CHECK(counts[i] > 100 && counts[i] < 400);
  for (int i = 0; i < 4; i++) vt_chan_release(chans[i]);
}

/* Every unit sends into one rendezvous and receives from the other, whichever goes. */
enum { UNITS = 6, ROUNDS = 500 };
static vt_chan *left, *right;
static uint64_t sent, received;

static void *shuffle(void *arg) {
  uint64_t my_sent = 0, my_received = 0;
  for (int i = 1; i <= ROUNDS; i++) {
    int in = i, out = 0, odd = *(int *)arg % 2;
    vt_case cases[] = {a_case(VT_CASE_SEND, odd ? left : right, &in),
                       a_case(VT_CASE_RECV, odd ? right : left, &out)};
    size_t which = 9;
    vt_status status = vt_select(cases, 2, vt_now() + 50 * MS, &which);
    if (status == VT_ETIMEDOUT) continue; /* All others are done. */
    IS(VT_OK, status);
    OK(cases[which].status);
    if (which == 0) my_sent += (uint64_t)in;
    else my_received += (uint64_t)out;
  }
  __atomic_add_fetch(&sent, my_sent, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&received, my_received, __ATOMIC_SEQ_CST);
  return NULL;
}

static void nothing_is_lost_between_selects(vt_runtime *rt) {
  vt_fiber fibers[UNITS];
  pthread_t threads[UNITS];
  int numbers[UNITS];
  left = channel(VT_CHAN_BOUNDED, 0);
  right = channel(VT_CHAN_BOUNDED, 0);
  for (int i = 0; i < UNITS; i++) {
    numbers[i] = i;
    if (i < 4) fibers[i] = spawn(rt, shuffle, &numbers[i]);
    else CHECK(pthread_create(&threads[i], NULL, shuffle, &numbers[i]) == 0);
  }
  for (int i = 0; i < UNITS; i++) {
    if (i < 4) join(fibers[i]);
    else CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(sent == received && sent > 0);
  vt_chan_release(left);
  vt_chan_release(right);
}

static void many_cases_are_served(void) {
  enum { MANY = 300 };
  static vt_case cases[MANY];
  static vt_chan *chans[MANY];
  int in = 8, out = 0;
  for (int i = 0; i < MANY; i++) {
    chans[i] = channel(VT_CHAN_UNBOUNDED, 0);
    cases[i] = a_case(VT_CASE_RECV, chans[i], &out);
  }
  for (int i = 0; i < MANY; i += 37) {
    OK(vt_chan_send(chans[i], &in, VT_NOW));
    CHECK(chosen(cases, MANY, VT_FOREVER, VT_OK) == (size_t)i);
  }
  for (int i = 0; i < MANY; i++) vt_chan_release(chans[i]);
}

/* A case as a later version might have it. */
typedef struct { vt_case known; uint64_t added; } longer;

static void cases_may_grow(void) {
  vt_chan *chan = channel(VT_CHAN_UNBOUNDED, 0);
  int in = 6, out = 0;
  size_t which = 9;
  longer cases[2];
  memset(cases, 0, sizeof cases);
  cases[0].known = a_point(VT_FOREVER);
  cases[1].known = a_case(VT_CASE_RECV, chan, &out);
  cases[0].known.size = cases[1].known.size = sizeof(longer);
  OK(vt_chan_send(chan, &in, VT_NOW));
  OK(vt_select(&cases[0].known, 2, VT_FOREVER, &which));
  CHECK(which == 1 && out == 6 && cases[1].known.status == VT_OK && cases[0].known.status == 77);
  cases[1].added = 1;
  IS(VT_EUNSUPPORTED, vt_select(&cases[0].known, 2, VT_NOW, &which));
  vt_chan_release(chan);
}

static void wrong_arguments_are_refused(void) {
  vt_chan *chan = channel(VT_CHAN_UNBOUNDED, 0), *source = channel(VT_CHAN_BROADCAST, 1);
  int elem = 0;
  size_t which = 9;
  vt_case good = a_case(VT_CASE_RECV, chan, &elem), bad;
  IS(VT_EINVAL, vt_select(&good, 1, VT_NOW, NULL));
  IS(VT_EINVAL, vt_select(NULL, 1, VT_NOW, &which));
  IS(VT_EINVAL, vt_select(&good, 1, -1, &which));
  IS(VT_ELIMIT, vt_select(&good, VT_SELECT_MAX + 1, VT_NOW, &which));
  /* Without the fields for descriptors it is as long as it once was. */
  for (bad = good, bad.size = 0; bad.size < sizeof bad; bad.size++)
    IS(bad.size == offsetof(vt_case, fd) ? VT_EAGAIN : VT_EINVAL, vt_select(&bad, 1, VT_NOW, &which));
  for (bad = good, bad.kind = 6; bad.kind < 9; bad.kind++)
    IS(VT_EUNSUPPORTED, vt_select(&bad, 1, VT_NOW, &which));
  bad = good, bad.flags = 1;
  IS(VT_EUNSUPPORTED, vt_select(&bad, 1, VT_NOW, &which));
  bad = good, bad.chan = NULL;
  IS(VT_EINVAL, vt_select(&bad, 1, VT_NOW, &which));
  bad = good, bad.elem = NULL;
  IS(VT_EINVAL, vt_select(&bad, 1, VT_NOW, &which));
  bad = good, bad.chan = source;
  IS(VT_EINVAL, vt_select(&bad, 1, VT_NOW, &which));
  bad = a_point(-1);
  IS(VT_EINVAL, vt_select(&bad, 1, VT_NOW, &which));
  bad = a_join(0, NULL);
  IS(VT_EINVAL, vt_select(&bad, 1, VT_NOW, &which));
  vt_case different[] = {good, good};
  different[1].size += 8;
  IS(VT_EINVAL, vt_select(different, 2, VT_NOW, &which));
  CHECK(which == 9);
  vt_chan_release(chan);
  vt_chan_release(source);
}

int main(void) {
  runs_the_cases(NULL);
  runs_the_kinds(NULL);
  wrong_arguments_are_refused();
  cases_may_grow();
  it_is_fair();
  many_cases_are_served();
  vt_runtime *rt = runtime(2);
  run(rt, runs_the_cases, NULL);
  run(rt, runs_the_kinds, NULL);
  joins_are_cases(rt);
  one_of_two_joiners_wins(rt);
  cancellation_ends_it(rt);
  nothing_is_lost_between_selects(rt);
  end(rt);
  puts("ok");
  return 0;
}
