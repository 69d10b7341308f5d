/* Unparking from signal handlers: raised ones, storms of them, and what they are told. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#define PARKERS 4

static vt_runtime *rt;
static vt_fiber target[PARKERS];
static uint32_t parkers, fired, seen, stop, turn;
static int32_t answer;

static void handler(int signal) {
  (void)signal;
  errno = 1234;
  add(&fired);
  for (uint32_t i = 0; i < parkers; i++) {
    vt_status status = vt_unpark_from_signal(rt, target[i]);
    if (status != VT_OK) __atomic_store_n(&answer, status, __ATOMIC_SEQ_CST);
  }
  if (errno != 1234) abort();
}

static void install(int signal) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  CHECK(sigaction(signal, &action, NULL) == 0);
}

static void alarm_in(long micros, long every) {
  struct itimerval timer = {{0, every}, {0, micros}};
  CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void *count_wakes(void *arg) {
  for (uintptr_t left = (uintptr_t)arg; left > 0; left--) {
    OK(vt_park(long_time()));
    add(&seen);
  }
  return arg;
}

/* Nothing comes but one signal, which is waited for: if it is lost, the deadline passes. */
static void raised_signals_wake(uint32_t workers) {
  rt = runtime(workers);
  OK(vt_signal_wakes(rt, 1));
  set(&seen, 0);
  target[0] = spawn(rt, count_wakes, (void *)(uintptr_t)1000);
  parkers = 1;
  for (uint32_t i = 1; i <= 1000; i++) {
    CHECK(raise(SIGUSR1) == 0);
    int64_t limit = long_time();
    while (get(&seen) != i) CHECK(vt_now() < limit);
    /* At times they get as far as sleeping. */
    if (i % 16 == 0) OK(vt_sleep_until(vt_now() + MS / 5));
  }
  join(target[0]);
  parkers = 0;
  IS(VT_ESTALE, vt_unpark_from_signal(rt, target[0]));
  end(rt);
}

/* A fiber that sets the timer off and parks: again each signal is the only one. */
static void *alarms(void *arg) {
  target[0] = vt_fiber_self();
  parkers = 1;
  for (uintptr_t left = (uintptr_t)arg; left > 0; left--) {
    alarm_in((long)(1 + left % 100), 0);
    OK(vt_park(long_time()));
  }
  parkers = 0;
  return arg;
}

static void *wakes_others(void *arg) {
  while (get(&stop) == 0) {
    OK(vt_sleep_until(vt_now() + MS / 20));
    add(&turn);
  }
  return arg;
}

static void *park_until_enough(void *arg) {
  while (get(&fired) < 300) OK(vt_park(long_time()));
  add(&seen);
  return arg;
}

/* With `here` the handler runs on this thread, otherwise on whichever worker the system takes. */
static void storms_wake(uint32_t workers, int here) {
  sigset_t set_of_one, old;
  vt_fiber other[2];
  sigemptyset(&set_of_one);
  sigaddset(&set_of_one, SIGALRM);
  if (here) CHECK(pthread_sigmask(SIG_BLOCK, &set_of_one, &old) == 0);
  rt = runtime(workers);
  OK(vt_signal_wakes(rt, 64));
  CHECK(pthread_sigmask(here ? SIG_UNBLOCK : SIG_BLOCK, &set_of_one, here ? NULL : &old) == 0);
  set(&stop, 0);
  for (int i = 0; i < 2; i++) other[i] = spawn(rt, wakes_others, NULL);
  run(rt, alarms, (void *)(uintptr_t)400);

  set(&fired, 0);
  set(&seen, 0);
  for (int i = 0; i < PARKERS; i++) target[i] = spawn(rt, park_until_enough, NULL);
  parkers = PARKERS;
  answer = VT_OK;
  alarm_in(100, 100);
  int64_t limit = long_time();
  while (get(&fired) < 300) CHECK(vt_now() < limit);
  alarm_in(0, 0);
  /* Of the last signals none may be lost, or a fiber parks for ever. */
  for (int i = 0; i < PARKERS; i++) join(target[i]);
  CHECK(get(&seen) == PARKERS);
  set(&stop, 1);
  for (int i = 0; i < 2; i++) join(other[i]);
  CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
  parkers = 0;
  end(rt);
}

static void *spin(void *arg) {
  set(&turn, 1);
  while (get(&stop) == 0) {
  }
  return arg;
}

static void *poll_until_seen(void *arg) {
  int64_t limit = long_time();
  set(&turn, 1);
  while (get(&seen) == 0) {
    OK(vt_poll_slow());
    CHECK(vt_now() < limit);
  }
  return arg;
}

static void a_busy_worker_hears_it_too(void) {
  rt = runtime(1);
  OK(vt_signal_wakes(rt, 2));
  set(&seen, 0);
  set(&turn, 0);
  target[0] = spawn(rt, count_wakes, (void *)(uintptr_t)1);
  vt_fiber busy = spawn(rt, poll_until_seen, NULL);
  until(&turn, 1);
  parkers = 1;
  CHECK(raise(SIGUSR1) == 0);
  join(busy);
  join(target[0]);
  parkers = 0;
  end(rt);
}

static void a_full_ring_says_so(void) {
  rt = runtime(1);
  OK(vt_signal_wakes(rt, 2));
  set(&stop, 0);
  set(&turn, 0);
  set(&seen, 0);
  vt_fiber parked = spawn(rt, count_wakes, (void *)(uintptr_t)2);
  vt_fiber busy = spawn(rt, spin, NULL);
  until(&turn, 1);
  OK(vt_unpark_from_signal(rt, parked));
  OK(vt_unpark_from_signal(rt, parked));
  target[0] = parked;
  parkers = 1;
  answer = VT_OK;
  CHECK(raise(SIGUSR1) == 0);
  CHECK(answer == VT_ELIMIT);
  parkers = 0;
  set(&stop, 1);
  join(busy);
  /* The two tokens may have been one. */
  int64_t limit = long_time();
  while (get(&seen) == 0) CHECK(vt_now() < limit);
  vt_unpark(parked);
  join(parked);
  end(rt);
}

static void wrong_arguments(void) {
  rt = runtime(1);
  vt_fiber gone = spawn(rt, count_wakes, NULL);
  IS(VT_ESTALE, vt_unpark_from_signal(rt, gone));
  IS(VT_EINVAL, vt_signal_wakes(NULL, 4));
  IS(VT_EINVAL, vt_signal_wakes(rt, 0));
  IS(VT_EINVAL, vt_signal_wakes(rt, 65537));
  OK(vt_signal_wakes(rt, 3));
  OK(vt_signal_wakes(rt, 4));
  OK(vt_signal_wakes(rt, 1));
  IS(VT_EDUP, vt_signal_wakes(rt, 5));
  IS(VT_EINVAL, vt_unpark_from_signal(rt, 0));
  IS(VT_EINVAL, vt_unpark_from_signal(NULL, gone));
  IS(VT_ESTALE, vt_unpark_from_signal((vt_runtime *)8, gone));
  OK(vt_unpark_from_signal(rt, gone));
  join(gone);
  IS(VT_ESTALE, vt_unpark_from_signal(rt, gone));
  end(rt);
  IS(VT_ESTALE, vt_unpark_from_signal(rt, gone));
  IS(VT_ESTALE, vt_signal_wakes(rt, 4));
}

int main(void) {
  install(SIGUSR1);
  install(SIGALRM);
  wrong_arguments();
  raised_signals_wake(1);
  raised_signals_wake(3);
  storms_wake(1, 1);
  storms_wake(3, 1);
  storms_wake(1, 0);
  storms_wake(3, 0);
  a_busy_worker_hears_it_too();
  a_full_ring_says_so();
  puts("ok");
  return 0;
}
