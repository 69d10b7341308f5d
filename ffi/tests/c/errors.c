/* No argument that can be recognised as wrong does worse than give a status. */
#include "check.h"

static uint32_t drops;
static void dropped(void *arg) { add(arg); }
static void *nothing(void *arg) { return arg; }

static void handles_that_are_none(vt_runtime *rt) {
  vt_stats stats;
  stats.size = sizeof stats;
  vt_fiber fiber = 7;
  IS(VT_ESTALE, vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, VT_FOREVER));
  IS(VT_ESTALE, vt_runtime_resize(rt, 1));
  IS(VT_ESTALE, vt_stats_get(rt, &stats));
  set(&drops, 0);
  IS(VT_ESTALE, vt_spawn(rt, NULL, nothing, &drops, dropped, &fiber));
  CHECK(get(&drops) == 1 && fiber == 7);
}

int main(void) {
  int local = 0;
  vt_runtime *live = runtime(1), *gone = runtime(1);
  end(gone);
  handles_that_are_none(gone);
  handles_that_are_none((vt_runtime *)(void *)&local);
  handles_that_are_none((vt_runtime *)(uintptr_t)1);
  handles_that_are_none((vt_runtime *)UINTPTR_MAX);
  handles_that_are_none((vt_runtime *)((uintptr_t)live + ((uintptr_t)1 << 32)));

  /* Null. */
  vt_options options;
  vt_runtime *rt = NULL;
  IS(VT_EINVAL, vt_options_init(NULL, sizeof options));
  IS(VT_EINVAL, vt_options_init(&options, 0));
  IS(VT_EINVAL, vt_options_init(&options, SIZE_MAX));
  IS(VT_EINVAL, vt_runtime_create(NULL, NULL));
  IS(VT_EINVAL, vt_runtime_shutdown(NULL, VT_SHUTDOWN_DRAIN, VT_FOREVER));
  IS(VT_EINVAL, vt_runtime_resize(NULL, 1));
  IS(VT_EINVAL, vt_stats_get(live, NULL));
  IS(VT_EINVAL, vt_spawn(live, NULL, nothing, NULL, NULL, NULL));
  set(&drops, 0);
  vt_fiber fiber = 7;
  IS(VT_EINVAL, vt_spawn(live, NULL, NULL, &drops, dropped, &fiber));
  IS(VT_ECONTEXT, vt_spawn(NULL, NULL, nothing, &drops, dropped, &fiber));
  CHECK(get(&drops) == 2 && fiber == 7);
  IS(VT_EINVAL, vt_fiber_info(1, NULL));
  IS(VT_EINVAL, vt_fiber_set_priority(0, 0));

  /* Sizes that cannot be, and values out of range. */
  vt_stats stats;
  vt_stack_info info;
  for (uint32_t size = 0; size < 8; size++) {
    options.size = stats.size = info.size = size;
    IS(VT_EINVAL, vt_runtime_create(&options, &rt));
    IS(VT_EINVAL, vt_stats_get(live, &stats));
    IS(VT_EINVAL, vt_fiber_info(1, &info));
  }
  stats.size = UINT32_MAX;
  IS(VT_EINVAL, vt_stats_get(live, &stats));
  OK(vt_options_init(&options, sizeof options));
  options.workers = UINT32_MAX;
  IS(VT_EINVAL, vt_runtime_create(&options, &rt));
  options.workers = 1;
  options.stack_size = SIZE_MAX;
  IS(VT_EINVAL, vt_runtime_create(&options, &rt));
  options.stack_size = 0;
  options.name = "\xc3(";
  IS(VT_EINVAL, vt_runtime_create(&options, &rt));
  CHECK(rt == NULL);

  /* Ids of nobody. */
  info.size = sizeof info;
  const vt_fiber nobody[] = {1, 42, UINT64_MAX, (uint64_t)1 << 32, UINT32_MAX};
  for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
    IS(VT_ESTALE, vt_join(nobody[i], VT_FOREVER, NULL));
    IS(VT_ESTALE, vt_unpark(nobody[i]));
    IS(VT_ESTALE, vt_cancel(nobody[i], 0));
    IS(VT_ESTALE, vt_fiber_info(nobody[i], &info));
  }
  end(live);
  puts("ok");
  return 0;
}
