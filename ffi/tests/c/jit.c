/* What a code generator asks: its own poll and its own stack check see what the library's do. */
#include "check.h"

static vt_jit_layout layout;

static void *checks(void *arg) {
  char *hot = (char *)vt_fiber_hot();
  char local;
  CHECK(*(volatile uint32_t *)(hot + layout.off_poll) == 0);
  CHECK(*(void **)(hot + layout.off_user) == &layout);
  CHECK(*(uintptr_t *)(hot + layout.off_lo) < (uintptr_t)&local);
  CHECK((uintptr_t)&local < *(uintptr_t *)(hot + layout.off_hi));
  OK(vt_consume(1000));
  CHECK(*(volatile uint32_t *)(hot + layout.off_poll) != 0);
  OK(vt_poll_slow());
  CHECK(*(volatile uint32_t *)(hot + layout.off_poll) == 0);
  return arg;
}

int main(void) {
  vt_runtime *rt = runtime(1);
  IS(VT_EINVAL, vt_jit_layout_get(rt, NULL));
  IS(VT_EINVAL, vt_jit_layout_get(rt, &layout));
  layout.size = sizeof layout;
  IS(VT_ECONTEXT, vt_jit_layout_get(NULL, &layout));
  OK(vt_jit_layout_get(rt, &layout));
  CHECK(layout.size == sizeof layout && layout.stack_mask_log2 == 0);
  vt_fiber_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.user = &layout;
  vt_fiber fiber;
  OK(vt_spawn(rt, &options, checks, NULL, NULL, &fiber));
  join(fiber);
  end(rt);
  puts("ok");
  return 0;
}
