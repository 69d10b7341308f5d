/* Native regions nest, and mean nothing outside fibers. */
#include "check.h"

static void *nest(void *arg) {
  uint32_t outer = vt_native_enter(VT_MAY_BLOCK);
  CHECK(outer == 0);
  uint32_t inner = vt_native_enter(VT_MAY_BLOCK | VT_GC_SAFE);
  uint32_t back = vt_native_enter(0);
  OK(vt_native_leave(back));
  OK(vt_native_leave(inner));
  OK(vt_native_leave(outer));
  CHECK(vt_native_enter(0) == 0);
  OK(vt_native_leave(0));
  IS(VT_EINVAL, vt_native_leave(1u << 31));
  OK(vt_yield());
  return arg;
}

int main(void) {
  vt_runtime *rt = runtime(2);
  for (int i = 0; i < 100; i++) run(rt, nest, NULL);
  uint32_t old = vt_native_enter(VT_MAY_BLOCK);
  OK(vt_native_leave(old));
  end(rt);
  puts("ok");
  return 0;
}
