// C++ on fibers: closures, exceptions that stay inside their fiber, and locals with destructors.
#include "check.h"
#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

std::atomic<int> alive{0};

struct Counted {
  Counted() { ++alive; }
  ~Counted() { --alive; }
};

using Body = std::function<void()>;

void *enter(void *arg) {
  std::unique_ptr<Body> body(static_cast<Body *>(arg));
  (*body)();
  return nullptr;
}

void drop(void *arg) { delete static_cast<Body *>(arg); }

vt_fiber go(vt_runtime *rt, Body body) {
  vt_fiber fiber = 0;
  OK(vt_spawn(rt, nullptr, enter, new Body(std::move(body)), drop, &fiber));
  return fiber;
}

int thrown_and_caught(int depth) {
  Counted counted;
  if (depth == 0) throw std::runtime_error("at the bottom");
  return thrown_and_caught(depth - 1) + 1;
}

}  // namespace

int main() {
  vt_runtime *rt = runtime(2);
  std::vector<vt_fiber> fibers;
  std::atomic<int> caught{0};
  for (int i = 0; i < 100; ++i) {
    fibers.push_back(go(rt, [&caught, i, counted = std::make_shared<Counted>()] {
      for (int round = 0; round < 3; ++round) {
        Counted local;
        try {
          OK(vt_yield());
          thrown_and_caught(i % 10);
        } catch (const std::runtime_error &error) {
          CHECK(std::string(error.what()) == "at the bottom");
          ++caught;
        }
        OK(vt_yield());
      }
    }));
  }
  for (vt_fiber fiber : fibers) OK(vt_join(fiber, long_time(), nullptr));
  CHECK(caught == 300);
  CHECK(alive == 0);
  end(rt);

  // The closure is destroyed although it never runs.
  vt_fiber fiber = 0;
  auto *body = new Body([counted = std::make_shared<Counted>()] {});
  IS(VT_ESTALE, vt_spawn(rt, nullptr, enter, body, drop, &fiber));
  CHECK(alive == 0);
  std::puts("ok");
  return 0;
}
