/* A small language on fibers: a stack machine whose threads are fibers, on one thread of the system.
 *
 *   cargo build --release -p vitte-ffi
 *   cc -I ffi/include examples/vm.c target/release/libvitte.a -lpthread -lm -ldl -o vm && ./vm
 *
 * Jumps back poll, so a thread that computes for ever lets others run, and can be stopped. SEND and RECV wait as
 * fibers. What a thread has is reached from its fiber's `user` word, where a collector would find its roots.
 */
#include "vitte.h"
#include <inttypes.h>
#include <stdio.h>

enum op { PUSH, ADD, DUP, JUMP, JUMP_IF, SEND, RECV, PRINT, HALT };

typedef struct {
  enum op op;
  int64_t arg;
} instruction;

/* A thread of the language. */
typedef struct {
  const instruction *code;
  vt_chan *channel;
  int64_t stack[8];
} machine;

/* 5 4 3 2 1, and the end. */
static const instruction counter[] = {{PUSH, 5}, {DUP, 0}, {SEND, 0},    {PUSH, -1},
                                      {ADD, 0},  {DUP, 0}, {JUMP_IF, 1}, {HALT, 0}};
/* The sum of what comes; RECV goes to its argument when nothing more will. */
static const instruction adder[] = {{PUSH, 0}, {RECV, 4}, {ADD, 0}, {JUMP, 1}, {PRINT, 0}, {HALT, 0}};
static const instruction spinner[] = {{JUMP, 0}};

/* The entry of each fiber. Returns null, or what went wrong. */
static void *run(void *arg) {
  machine *me = arg;
  vt_hot *hot = vt_fiber_hot();
  int64_t *top = me->stack - 1;
  for (size_t at = 0;;) {
    const instruction now = me->code[at++];
    vt_status status = VT_OK;
    switch (now.op) {
      case PUSH: *++top = now.arg; break;
      case DUP: top[1] = *top; top++; break;
      case ADD: top--; *top += top[1]; break;
      case JUMP_IF: if (*top-- == 0) break; /* fall through */
      case JUMP: at = (size_t)now.arg; status = vt_poll(hot); break;
      case SEND: status = vt_chan_send(me->channel, top--, VT_FOREVER); break;
      case RECV:
        status = vt_chan_recv(me->channel, top + 1, VT_FOREVER);
        if (status == VT_OK) top++;
        if (status == VT_ECLOSED) at = (size_t)now.arg, status = VT_OK;
        break;
      case PRINT: printf("%" PRId64 "\n", *top--); break;
      case HALT: vt_chan_close(me->channel); return NULL;
    }
    if (status != VT_OK) return (void *)vt_status_name(status);
  }
}

static vt_fiber start(vt_runtime *rt, machine *thread, const char *name) {
  vt_fiber_options options = {.size = sizeof options, .name = name, .user = thread};
  vt_fiber fiber = 0;
  vt_status status = vt_spawn(rt, &options, run, thread, NULL, &fiber);
  if (status != VT_OK) fprintf(stderr, "%s: %s\n", name, vt_status_name(status));
  return fiber;
}

int main(void) {
  vt_options options;
  vt_runtime *rt;
  vt_chan *channel;
  vt_options_init(&options, sizeof options);
  options.workers = 1;
  if (vt_runtime_create(&options, &rt) != VT_OK) return 1;
  if (vt_chan_create(VT_CHAN_BOUNDED, sizeof(int64_t), 1, NULL, &channel) != VT_OK) return 1;

  machine threads[] = {{spinner, channel, {0}}, {counter, channel, {0}}, {adder, channel, {0}}};
  vt_fiber spins = start(rt, &threads[0], "spinner");
  vt_fiber counts = start(rt, &threads[1], "counter");
  vt_fiber adds = start(rt, &threads[2], "adder");
  vt_join(counts, VT_FOREVER, NULL);
  vt_join(adds, VT_FOREVER, NULL); /* It has printed 15, though the spinner never waits. */

  void *why = NULL;
  vt_cancel(spins, 0);
  if (vt_join(spins, VT_FOREVER, &why) == VT_OK && why != NULL) puts(why); /* VT_ECANCELED */
  vt_chan_release(channel);
  return vt_runtime_shutdown(rt, VT_SHUTDOWN_DRAIN, VT_FOREVER) == VT_OK ? 0 : 1;
}
