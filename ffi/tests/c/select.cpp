// C++ selects: a worker that is told to stop, what it is sent, and a watch over its end.
#include "check.h"
#include <array>
#include <cstdio>
#include <memory>
#include <numeric>
#include <vector>

namespace {

struct Release {
  void operator()(vt_chan *chan) const { vt_chan_release(chan); }
};
using Chan = std::unique_ptr<vt_chan, Release>;

template <typename T>
Chan channel(uint32_t kind, size_t cap) {
  vt_chan *chan = nullptr;
  OK(vt_chan_create(kind, sizeof(T), cap, nullptr, &chan));
  return Chan(chan);
}

vt_case receive(const Chan &chan, void *to) {
  vt_case made{};
  made.size = sizeof made;
  made.kind = VT_CASE_RECV;
  made.chan = chan.get();
  made.elem = to;
  return made;
}

vt_case ended(vt_fiber fiber, void **result) {
  vt_case made{};
  made.size = sizeof made;
  made.kind = VT_CASE_JOIN;
  made.fiber = fiber;
  made.elem = result;
  return made;
}

struct Work {
  Chan jobs = channel<int>(VT_CHAN_BOUNDED, 4);
  Chan stop = channel<char>(VT_CHAN_ONESHOT, 0);
  std::vector<int> done;
};

void *work(void *arg) {
  auto &work = *static_cast<Work *>(arg);
  int job = 0;
  char why = 0;
  std::array<vt_case, 2> cases{receive(work.jobs, &job), receive(work.stop, &why)};
  for (;;) {
    size_t which = 0;
    OK(vt_select(cases.data(), cases.size(), long_time(), &which));
    OK(cases[which].status);
    if (which == 1) break;
    work.done.push_back(job);
  }
  CHECK(why == 'x');
  return &work;
}

vt_mutex lock = VT_MUTEX_INIT;

}  // namespace

int main() {
  vt_runtime *rt = runtime(2);
  Work shared;
  vt_fiber fiber = spawn(rt, work, &shared);
  for (int job = 1; job <= 100; ++job) OK(vt_chan_send(shared.jobs.get(), &job, long_time()));
  while (vt_chan_len(shared.jobs.get()) != 0) OK(vt_sleep_until(vt_now() + MS / 10));

  void *result = nullptr;
  size_t which = 9;
  vt_case watch = ended(fiber, &result);
  IS(VT_EAGAIN, vt_select(&watch, 1, VT_NOW, &which));
  const char why = 'x';
  OK(vt_chan_send(shared.stop.get(), &why, VT_NOW));
  OK(vt_select(&watch, 1, long_time(), &which));
  CHECK(which == 0 && watch.status == VT_OK && result == &shared);
  CHECK(std::accumulate(shared.done.begin(), shared.done.end(), 0) == 5050);
  OK(vt_mutex_lock(&lock, VT_NOW));
  OK(vt_mutex_unlock(&lock));
  end(rt);
  std::puts("ok");
  return 0;
}
