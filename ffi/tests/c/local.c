/* Locals: every fiber has its own under a key, and so has every thread. */
#include "check.h"
#include <pthread.h>

static vt_key key, plain, foreign;
static uint32_t destroyed, again;

static void destroy(void *value) { set(&destroyed, get(&destroyed) + (uint32_t)(uintptr_t)value); }

static void set_again(void *value) {
  add(&again);
  OK(vt_local_set(plain, value));
}

static void *child(void *arg) {
  CHECK(vt_local_get(key) == NULL);
  OK(vt_local_set(key, (void *)1));
  OK(vt_yield());
  CHECK(vt_local_get(key) == (void *)1);
  return arg;
}

static void *parent(void *arg) {
  vt_fiber inner;
  vt_key own;
  OK(vt_local_set(key, (void *)10));
  OK(vt_spawn(NULL, NULL, child, NULL, NULL, &inner));
  OK(vt_join(inner, VT_FOREVER, NULL));
  CHECK(vt_local_get(key) == (void *)10 && get(&destroyed) == 1);
  IS(VT_EINVAL, vt_local_set(foreign, arg));
  CHECK(vt_local_get(foreign) == NULL);
  OK(vt_key_create(NULL, NULL, &own));
  OK(vt_local_set(own, arg));
  CHECK(vt_local_get(own) == arg);
  OK(vt_local_set(own, NULL));
  CHECK(vt_local_get(own) == NULL);
  return arg;
}

static void *sets_again(void *arg) {
  OK(vt_local_set(plain, arg));
  return arg;
}

static void *parked(void *arg) {
  OK(vt_local_set(key, (void *)100));
  add(&again);
  vt_park(VT_FOREVER);
  return arg;
}

static void *thread(void *arg) {
  CHECK(vt_local_get(key) == NULL);
  OK(vt_local_set(key, (void *)1000));
  OK(vt_local_set(foreign, arg));
  CHECK(vt_local_get(foreign) == arg);
  return NULL;
}

int main(void) {
  vt_runtime *rt = runtime(2), *other = runtime(1);
  OK(vt_key_create(rt, destroy, &key));
  OK(vt_key_create(rt, set_again, &plain));
  OK(vt_key_create(other, NULL, &foreign));
  IS(VT_ECONTEXT, vt_key_create(NULL, NULL, &plain));
  IS(VT_EINVAL, vt_key_create(rt, NULL, NULL));

  run(rt, parent, &key);
  CHECK(get(&destroyed) == 11);
  run(rt, sets_again, &key);
  CHECK(get(&again) == 4); /* rounds */

  set(&again, 0);
  vt_fiber fiber = spawn(rt, parked, NULL);
  until(&again, 1);
  OK(vt_kill(fiber));
  IS(VT_EFAILED, vt_join(fiber, long_time(), NULL));
  CHECK(get(&destroyed) == 111);

  pthread_t native;
  CHECK(pthread_create(&native, NULL, thread, &key) == 0);
  CHECK(pthread_join(native, NULL) == 0);
  CHECK(get(&destroyed) == 1111);

  OK(vt_local_set(key, (void *)5));
  end(other);
  end(rt);
  CHECK(vt_local_get(key) == NULL);
  IS(VT_ESTALE, vt_local_set(key, (void *)5));
  IS(VT_ESTALE, vt_local_set(0, (void *)5));
  CHECK(vt_local_get(0) == NULL);
  puts("ok");
  return 0;
}
