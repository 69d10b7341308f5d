/* What the C tests share: checks that say where they are, and a runtime to test in. */
#ifndef CHECK_H
#define CHECK_H

#include "vitte.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                          \
  do {                                                                       \
    if (!(what)) {                                                           \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);     \
      abort();                                                               \
    }                                                                        \
  } while (0)

/* Checks that `call` answers `status`. */
#define IS(status, call) check_is(status, call, #call, __FILE__, __LINE__)
#define OK(call) IS(VT_OK, call)

static inline void check_is(vt_status want, vt_status got, const char *call, const char *file,
                            int line) {
  if (want == got) return;
  fprintf(stderr, "%s:%d: %s: %s, not %s\n", file, line, call, vt_status_name(got),
          vt_status_name(want));
  abort();
}

#define MS ((int64_t)1000000)

/* A deadline that is only there so that a defect is not a hang. */
static inline int64_t long_time(void) { return vt_now() + 60000 * MS; }

static inline vt_runtime *runtime(uint32_t workers) {
  vt_options options;
  vt_runtime *rt = NULL;
  OK(vt_options_init(&options, sizeof options));
  options.workers = workers;
  options.timeslice_ns = 1000000;
  OK(vt_runtime_create(&options, &rt));
  CHECK(rt != NULL);
  return rt;
}

static inline vt_fiber spawn(vt_runtime *rt, vt_entry entry, void *arg) {
  vt_fiber fiber = 0;
  OK(vt_spawn(rt, NULL, entry, arg, NULL, &fiber));
  CHECK(fiber != 0);
  return fiber;
}

/* Joins, and gives the result. */
static inline void *join(vt_fiber fiber) {
  void *result = NULL;
  OK(vt_join(fiber, long_time(), &result));
  return result;
}

/* Runs `entry(arg)` on a fiber to its end. */
static inline void *run(vt_runtime *rt, vt_entry entry, void *arg) {
  return join(spawn(rt, entry, arg));
}

static inline void end(vt_runtime *rt) {
  OK(vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, long_time()));
}

/* A word that fibers and threads share. */
static inline uint32_t get(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
static inline void set(uint32_t *word, uint32_t to) { __atomic_store_n(word, to, __ATOMIC_SEQ_CST); }
static inline uint32_t add(uint32_t *word) { return __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST); }

/* Waits, in the way of whoever calls, until the word is `want`. */
static inline void until(const uint32_t *word, uint32_t want) {
  while (get(word) != want) CHECK(vt_sleep_until(vt_now() + MS / 10) == VT_OK);
}

#endif
