/* Joining: results, deadlines, and joins that cannot be. */
#include "check.h"
#include <pthread.h>

static uint32_t go;

static void *wait_then_return(void *arg) {
  until(&go, 1);
  return arg;
}

static void *join_self(void *arg) {
  IS(VT_EDEADLK, vt_join(vt_fiber_self(), VT_FOREVER, NULL));
  return arg;
}

static void *join_other(void *fiber) {
  void *result = NULL;
  IS(VT_ETIMEDOUT, vt_join(*(vt_fiber *)fiber, vt_now() + MS, &result));
  IS(VT_EAGAIN, vt_join(*(vt_fiber *)fiber, VT_NOW, &result));
  CHECK(result == NULL);
  set(&go, 1);
  return join(*(vt_fiber *)fiber);
}

static void *join_while_canceled(void *fiber) {
  IS(VT_ECANCELED, vt_join(*(vt_fiber *)fiber, VT_FOREVER, NULL));
  return NULL;
}

static void *join_on_thread(void *fiber) { return join(*(vt_fiber *)fiber); }

int main(void) {
  vt_runtime *rt = runtime(2);
  vt_fiber fiber;
  void *result = &go;
  char text[8] = "#######";
  size_t len = 99;

  run(rt, join_self, NULL);

  fiber = spawn(rt, wait_then_return, &go);
  CHECK(run(rt, join_other, &fiber) == &go);
  IS(VT_ESTALE, vt_join(fiber, VT_FOREVER, &result));
  CHECK(result == &go);

  set(&go, 0);
  fiber = spawn(rt, wait_then_return, &go);
  vt_fiber joiner = spawn(rt, join_while_canceled, &fiber);
  OK(vt_cancel(joiner, 0));
  join(joiner);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, join_on_thread, &fiber) == 0);
  set(&go, 1);
  CHECK(pthread_join(thread, &result) == 0 && result == &go);

  fiber = spawn(rt, wait_then_return, NULL);
  OK(vt_join_text(fiber, long_time(), &result, text, sizeof text, &len));
  CHECK(result == NULL && text[0] == 0 && text[1] == '#' && len == 0);

  vt_fiber_options options = {sizeof options, VT_DETACHED, 0, NULL, NULL, VT_PRIORITY_NORMAL, 0, NULL, 0};
  set(&go, 0);
  OK(vt_spawn(rt, &options, wait_then_return, NULL, NULL, &fiber));
  IS(VT_EINVAL, vt_join(fiber, VT_FOREVER, NULL));
  set(&go, 1);

  IS(VT_EINVAL, vt_join(0, VT_FOREVER, NULL));
  IS(VT_EINVAL, vt_join_text(1, VT_FOREVER, NULL, NULL, 1, NULL));
  end(rt);
  puts("ok");
  return 0;
}
