/* Affinity: workers run where they were told to. */
#define _GNU_SOURCE
#include <sched.h>
#include "check.h"

/* The processors that the caller may use. */
static uint32_t allowed[CPU_SETSIZE], count;

static void read_allowed(void) {
  cpu_set_t mask;
  CHECK(sched_getaffinity(0, sizeof mask, &mask) == 0);
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &mask)) allowed[count++] = cpu;
  CHECK(count > 0);
}

/* Where the worker's thread may run: the number, or -1 for several. */
static void *where(void *arg) {
  cpu_set_t mask;
  (void)arg;
  CHECK(sched_getaffinity(0, sizeof mask, &mask) == 0);
  if (CPU_COUNT(&mask) != 1) return (void *)(intptr_t)-1;
  intptr_t cpu = 0;
  while (!CPU_ISSET(cpu, &mask)) cpu++;
  return (void *)cpu;
}

static vt_runtime *placed(uint32_t affinity, const uint32_t *cpus, size_t cpu_count) {
  vt_options options;
  vt_runtime *rt;
  OK(vt_options_init(&options, sizeof options));
  options.workers = 1;
  options.affinity = affinity;
  options.cpus = cpus;
  options.cpu_count = cpu_count;
  OK(vt_runtime_create(&options, &rt));
  return rt;
}

static void refused(vt_options options) {
  vt_runtime *rt;
  IS(VT_EINVAL, vt_runtime_create(&options, &rt));
}

int main(void) {
  read_allowed();
  uint32_t last = allowed[count - 1];
  vt_runtime *rt = placed(VT_AFFINITY_SET, &last, 1);
  CHECK((intptr_t)run(rt, where, NULL) == last);
  end(rt);
  rt = placed(VT_AFFINITY_EACH, allowed, count);
  CHECK((intptr_t)run(rt, where, NULL) == allowed[0]);
  end(rt);
  rt = placed(VT_AFFINITY_PER_CORE, NULL, 0);
  CHECK((intptr_t)run(rt, where, NULL) >= 0);
  end(rt);
  rt = placed(VT_AFFINITY_NONE, NULL, 0);
  CHECK(count == 1 || (intptr_t)run(rt, where, NULL) == -1);
  end(rt);

  vt_options options;
  OK(vt_options_init(&options, sizeof options));
  uint32_t nowhere = 1000000;
  options.cpus = &nowhere;
  options.cpu_count = 1;
  refused(options); /* Which affinity are they for? */
  options.affinity = VT_AFFINITY_SET;
  refused(options);
  options.affinity = VT_AFFINITY_EACH;
  refused(options);
  options.affinity = VT_AFFINITY_PER_CORE;
  refused(options);
  options.cpus = NULL;
  options.affinity = VT_AFFINITY_SET;
  refused(options);
  options.cpu_count = 0;
  refused(options);
  options.affinity = 4;
  refused(options);
  options.affinity = VT_AFFINITY_PER_CORE;
  options.flags = VT_HOST_DRIVEN;
  refused(options);
  puts("ok");
  return 0;
}
