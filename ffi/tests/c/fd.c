/* Descriptors: fibers and threads wait for them, with deadlines, and until they are forgotten. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];

static void pair(void) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
}

/* What a runtime watched is forgotten before it is closed. */
static void close_both(void) {
  for (int i = 0; i < 2; i++) {
    IS(vt_current() ? VT_OK : VT_ECONTEXT, vt_fd_forget(NULL, ends[i]));
    CHECK(close(ends[i]) == 0);
  }
}

static char read_one(int fd) {
  char byte;
  while (read(fd, &byte, 1) != 1) {
    uint32_t got = 0;
    OK(vt_fd_wait(fd, VT_FD_READ, long_time(), &got));
    CHECK(got == VT_FD_READ);
  }
  return byte;
}

static void write_one(int fd, char byte) {
  while (write(fd, &byte, 1) != 1) OK(vt_fd_wait(fd, VT_FD_WRITE, long_time(), NULL));
}

static void *echo(void *arg) {
  for (int i = 0; i < 1000; i++) write_one(ends[1], (char)(read_one(ends[1]) + 1));
  return arg;
}

static void *ask(void *arg) {
  for (int i = 0; i < 1000; i++) {
    write_one(ends[0], (char)(i % 100));
    CHECK(read_one(ends[0]) == (char)(i % 100 + 1));
  }
  return arg;
}

static void *both_fibers(void *arg) {
  vt_fiber other = spawn(NULL, echo, NULL);
  ask(NULL);
  join(other);
  return arg;
}

static void *answers(void *arg) {
  uint32_t got = 0;
  IS(VT_EAGAIN, vt_fd_wait(ends[0], VT_FD_READ, VT_NOW, &got));
  IS(VT_ETIMEDOUT, vt_fd_wait(ends[0], VT_FD_READ, vt_now() + MS, &got));
  CHECK(got == 0);
  OK(vt_fd_wait(ends[0], VT_FD_READ | VT_FD_WRITE, VT_FOREVER, &got));
  CHECK(got == VT_FD_WRITE);
  IS(VT_EINVAL, vt_fd_wait(ends[0], 0, VT_NOW, &got));
  IS(VT_EINVAL, vt_fd_wait(-1, VT_FD_READ, VT_NOW, &got));
  IS(VT_EINVAL, vt_fd_wait(ends[0], VT_FD_READ, -1, &got));
  IS(VT_EUNSUPPORTED, vt_fd_wait(ends[0], 4, VT_NOW, &got));
  IS(VT_EINVAL, vt_fd_forget(NULL, -1));
  int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  OK(vt_fd_wait(file, VT_FD_READ, VT_FOREVER, &got));
  CHECK(got == VT_FD_READ);
  if (vt_current()) OK(vt_fd_forget(NULL, file));
  CHECK(close(file) == 0);
  return arg;
}

static void *wait_in_vain(void *arg) {
  (void)arg;
  return (void *)(intptr_t)vt_fd_wait(ends[0], VT_FD_READ, long_time(), NULL);
}

static void *forget(void *arg) {
  vt_fiber waiting = spawn(NULL, wait_in_vain, NULL);
  vt_fiber canceled = spawn(NULL, wait_in_vain, NULL);
  OK(vt_sleep_until(vt_now() + MS));
  OK(vt_cancel(canceled, 0));
  CHECK((intptr_t)join(canceled) == VT_ECANCELED);
  /* It may not have begun to wait. */
  void *result = NULL;
  do OK(vt_fd_forget(vt_current(), ends[0]));
  while (vt_join(waiting, vt_now() + MS, &result) == VT_ETIMEDOUT);
  CHECK((intptr_t)result == VT_ECLOSED);
  OK(vt_fd_forget(vt_current(), ends[0]));
  return arg;
}

static vt_case a_descriptor(int fd, uint32_t events, uint32_t *got) {
  vt_case made;
  memset(&made, 0, sizeof made);
  made.size = sizeof made;
  made.kind = VT_CASE_FD;
  made.fd = fd;
  made.events = events;
  made.elem = got;
  made.status = 77;
  return made;
}

static void *sends_soon(void *chan) {
  static const int value = 7;
  OK(vt_sleep_until(vt_now() + MS));
  OK(vt_chan_send(chan, &value, long_time()));
  return NULL;
}

static void *writes_soon(void *arg) {
  OK(vt_sleep_until(vt_now() + MS));
  write_one(ends[1], 'x');
  return arg;
}

/* Beside a channel and a point in time; on a fiber, and on a thread of no runtime. */
static void *descriptors_are_cases(void *rt) {
  int out = 0;
  uint32_t got = 0;
  size_t which = 9;
  vt_chan *chan = NULL;
  OK(vt_chan_create(VT_CHAN_BOUNDED, sizeof(int), 1, NULL, &chan));
  vt_case cases[3] = {a_descriptor(ends[0], VT_FD_READ, &got)};
  cases[1].size = cases[2].size = sizeof cases[1];
  cases[1].kind = VT_CASE_RECV, cases[1].chan = chan, cases[1].elem = &out;
  cases[2].kind = VT_CASE_OFF;
  IS(VT_EAGAIN, vt_select(cases, 3, VT_NOW, &which));
  IS(VT_ETIMEDOUT, vt_select(cases, 3, vt_now() + MS, &which));
  CHECK(which == 9 && got == 0 && cases[0].status == 77);
  for (int turn = 0; turn < 6; turn++) {
    vt_fiber other = turn % 2 ? spawn(rt, sends_soon, chan) : spawn(rt, writes_soon, NULL);
    cases[0].status = 77;
    OK(vt_select(cases, 3, long_time(), &which));
    CHECK(which == (size_t)(turn % 2));
    if (turn % 2) {
      CHECK(out == 7 && cases[0].status == 77);
    } else {
      char byte = 0;
      CHECK(cases[0].status == VT_OK && got == VT_FD_READ && read(ends[0], &byte, 1) == 1);
    }
    join(other);
    out = 0, got = 0;
  }
  cases[2].kind = VT_CASE_AT, cases[2].deadline = vt_now() + MS;
  OK(vt_select(cases, 3, VT_FOREVER, &which));
  CHECK(which == 2 && vt_now() >= cases[2].deadline);
  cases[2].kind = VT_CASE_OFF;

  cases[0].events = VT_FD_READ | VT_FD_WRITE;
  OK(vt_select(cases, 3, VT_FOREVER, &which));
  CHECK(which == 0 && cases[0].status == VT_OK && got == VT_FD_WRITE);
  cases[0].elem = NULL;
  OK(vt_select(cases, 3, VT_FOREVER, &which));
  CHECK(which == 0);

  /* Whatever is wrong of a descriptor is said before anything happens. */
  which = 9;
  cases[0].events = 0;
  IS(VT_EINVAL, vt_select(cases, 3, VT_NOW, &which));
  cases[0].events = 4;
  IS(VT_EUNSUPPORTED, vt_select(cases, 3, VT_NOW, &which));
  cases[0].events = VT_FD_READ, cases[0].fd = -1;
  IS(VT_EINVAL, vt_select(cases, 3, VT_NOW, &which));
  int none = dup(ends[0]);
  CHECK(none >= 0 && close(none) == 0);
  cases[0].fd = none;
  IS(VT_EINVAL, vt_select(cases, 3, VT_NOW, &which));
  cases[0].fd = ends[0], cases[0].elem = (char *)&got + 1;
  IS(VT_EINVAL, vt_select(cases, 3, VT_NOW, &which));
  /* A case as long as it was before it had descriptors names none. */
  cases[0].elem = NULL, cases[0].size = 48;
  IS(VT_EINVAL, vt_select(cases, 1, VT_NOW, &which));
  CHECK(which == 9);
  cases[0].size = sizeof cases[0];

  /* A file is always ready, and so is what the other side has ended. */
  int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  cases[0] = a_descriptor(file, VT_FD_READ, &got);
  OK(vt_select(cases, 2, VT_FOREVER, &which));
  CHECK(which == 0 && cases[0].status == VT_OK && got == VT_FD_READ);
  if (vt_current()) OK(vt_fd_forget(NULL, file));
  CHECK(close(file) == 0);
  cases[0] = a_descriptor(ends[0], VT_FD_READ, &got);
  CHECK(shutdown(ends[1], SHUT_RDWR) == 0);
  got = 0;
  OK(vt_select(cases, 2, long_time(), &which));
  CHECK(which == 0 && cases[0].status == VT_OK && got == VT_FD_READ);
  vt_chan_release(chan);
  return NULL;
}

static void *selects_in_vain(void *arg) {
  (void)arg;
  size_t which = 9;
  vt_case only = a_descriptor(ends[0], VT_FD_READ, NULL);
  OK(vt_select(&only, 1, long_time(), &which));
  CHECK(which == 0);
  return (void *)(intptr_t)only.status;
}

static void *waits_in_vain(void *arg) {
  (void)arg;
  return (void *)(intptr_t)vt_fd_wait(ends[0], VT_FD_READ, long_time(), NULL);
}

static void *on_a_thread_in_vain(void *told) {
  *(void **)told = waits_in_vain(NULL);
  *(void **)((char *)told + sizeof(void *)) = selects_in_vain(NULL);
  return NULL;
}

/* A thread of no runtime hears of it, too, and a later wait for the same number is a new one. */
static void forgetting_reaches_threads(vt_runtime *rt) {
  void *told[2] = {NULL, NULL};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, on_a_thread_in_vain, told) == 0);
  /* Until it has heard twice: once in each wait. */
  while (pthread_tryjoin_np(thread, NULL) != 0) {
    OK(vt_fd_forget(rt, ends[0]));
    OK(vt_sleep_until(vt_now() + MS / 10));
  }
  CHECK((intptr_t)told[0] == VT_ECLOSED && (intptr_t)told[1] == VT_ECLOSED);
  CHECK(vt_fd_wait(ends[0], VT_FD_READ, VT_NOW, NULL) == VT_EAGAIN);
  CHECK(write(ends[1], "x", 1) == 1);
  OK(vt_fd_wait(ends[0], VT_FD_READ, long_time(), NULL));
}

static void *forgetting_ends_a_case(void *arg) {
  vt_fiber waiting = spawn(NULL, selects_in_vain, NULL);
  OK(vt_sleep_until(vt_now() + MS));
  void *result = NULL;
  do OK(vt_fd_forget(vt_current() ? NULL : arg, ends[0]));
  while (vt_join(waiting, vt_now() + MS, &result) == VT_ETIMEDOUT);
  CHECK((intptr_t)result == VT_ECLOSED);
  return arg;
}

static void *closes_and_sends(void *chan) {
  static const int value = 7;
  OK(vt_sleep_until(vt_now() + MS));
  CHECK(close(ends[0]) == 0);
  OK(vt_chan_send(chan, &value, long_time()));
  return NULL;
}

/* The system does not say that a descriptor was closed: that shows when something else wakes the caller. */
static void *closing_shows_at_the_next_wake(void *rt) {
  int out = 0;
  size_t which = 9;
  vt_chan *chan = NULL;
  OK(vt_chan_create(VT_CHAN_BOUNDED, sizeof(int), 1, NULL, &chan));
  vt_case cases[2] = {a_descriptor(ends[0], VT_FD_READ, NULL)};
  cases[1].size = sizeof cases[1];
  cases[1].kind = VT_CASE_RECV, cases[1].chan = chan, cases[1].elem = &out;
  vt_fiber other = spawn(rt, closes_and_sends, chan);
  vt_status came = vt_select(cases, 2, long_time(), &which);
  /* It may be closed before it is looked at. */
  if (came == VT_OK) CHECK(which == 1 ? out == 7 : cases[0].status == VT_EINVAL);
  else CHECK(came == VT_EINVAL);
  join(other);
  cases[0].status = VT_OK;
  came = vt_select(cases, 1, VT_NOW, &which);
  CHECK(came == VT_EINVAL || (came == VT_OK && cases[0].status == VT_EINVAL));
  OK(vt_fd_forget(vt_current() ? NULL : rt, ends[0]));
  ends[0] = dup(ends[1]);
  CHECK(ends[0] >= 0);
  vt_chan_release(chan);
  return NULL;
}

static void *shuts_down(void *arg) {
  OK(vt_sleep_until(vt_now() + MS));
  CHECK(shutdown(ends[0], SHUT_RDWR) == 0);
  return arg;
}

/* What wakes a thread of no runtime before what it waits for is closed. */
static void a_shutdown_wakes_a_thread(vt_runtime *rt) {
  vt_fiber other = spawn(rt, shuts_down, NULL);
  CHECK((intptr_t)selects_in_vain(NULL) == VT_OK);
  join(other);
}

int main(void) {
  static void *(*const on_fibers[])(void *) = {both_fibers, answers, forget, descriptors_are_cases,
                                              forgetting_ends_a_case, closing_shows_at_the_next_wake};
  vt_runtime *rt = runtime(2);
  for (size_t i = 0; i < sizeof on_fibers / sizeof *on_fibers; i++) {
    pair();
    join(spawn(rt, on_fibers[i], NULL));
    OK(vt_fd_forget(rt, ends[0]));
    OK(vt_fd_forget(rt, ends[1]));
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
  }
  /* A fiber and a plain thread, and a thread alone. */
  pair();
  vt_fiber other = spawn(rt, echo, NULL);
  ask(NULL);
  join(other);
  OK(vt_fd_forget(rt, ends[1]));
  close_both();
  pair();
  answers(NULL);
  close_both();
  pair();
  descriptors_are_cases(rt);
  close_both();
  pair();
  closing_shows_at_the_next_wake(rt);
  close_both();
  pair();
  forgetting_reaches_threads(rt);
  close_both();
  pair();
  a_shutdown_wakes_a_thread(rt);
  close_both();
  end(rt);
  puts("ok");
  return 0;
}
