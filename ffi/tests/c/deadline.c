/* The clock goes on, and is the one of clock_gettime. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <time.h>

int main(void) {
  struct timespec now;
  int64_t before = vt_now();
  CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  int64_t between = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  CHECK(before > 0 && before <= between && between <= vt_now());

  OK(vt_sleep_until(before + 2 * MS));
  CHECK(vt_now() >= before + 2 * MS);
  OK(vt_sleep_until(VT_NOW));
  OK(vt_sleep_until(before));
  IS(VT_EINVAL, vt_sleep_until(-1));
  IS(VT_EINVAL, vt_sleep_until(INT64_MIN));
  puts("ok");
  return 0;
}
