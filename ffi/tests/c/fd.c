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

int main(void) {
  static void *(*const on_fibers[])(void *) = {both_fibers, answers, forget};
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
  end(rt);
  puts("ok");
  return 0;
}
