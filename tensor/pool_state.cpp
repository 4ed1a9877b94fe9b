#include "papillon/tensor/internal/pool_state.hpp"

#include <unistd.h>

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

#if defined(__linux__)
#include <sched.h>
#endif

#include "papillon/tensor/allocator.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::detail {
namespace {

// About 50 microseconds: longer than the pauses between the loops of a training step, and short
// enough that an idle pool uses no processor time that a user would notice.
constexpr int spin_rounds = 2000;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

constinit thread_local bool inside_loop = false;

std::size_t usable_processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  }
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

PoolState::PoolState() : owner(getpid()) {}

bool PoolState::forked() const {
  return getpid() != owner;
}

void PoolState::draw() {
  while (!failed.load(std::memory_order_relaxed)) {
    const std::size_t i = next.fetch_add(1, std::memory_order_relaxed);
    if (i >= count) return;
    try {
      (*function)(i);
    } catch (...) {
      if (!failed.exchange(true)) failure = std::current_exception();
    }
  }
}

bool PoolState::news(std::uint64_t last_run) const {
  const std::uint64_t g = gate.load();
  return stopped.load() || ((g & open_bit) != 0 && g / one_run != last_run);
}

// Before it locks, a worker checks whether an index forked, so that it is the only thread of the
// child. Then it ends the child without exit handlers: as the last thread it would run them here,
// and those of OpenBLAS wait for a thread that waits for them (glibc 2.41).
void PoolState::work() {
  inside_loop = true;
  std::uint64_t last_run = 0;
  while (true) {
    for (int i = 0; i < spins && !news(last_run); ++i) relax();
    if (!news(last_run)) {
      if (forked()) ::_exit(0);
      std::unique_lock lock(sleep);
      ++sleepers;
      opened.wait(lock, [&] { return news(last_run); });
      --sleepers;
    }
    if (stopped.load()) return;
    std::uint64_t g = gate.load();
    while ((g & open_bit) != 0 && !gate.compare_exchange_weak(g, g + 1)) {
    }
    if ((g & open_bit) == 0) continue;  // came too late
    last_run = g / one_run;
    draw();
    left.fetch_add(1);
    if (caller_sleeps.load()) {
      if (forked()) ::_exit(0);
      { const std::lock_guard lock(sleep); }
      finished.notify_one();
    }
  }
}

void PoolState::run(std::size_t n, const IndexFunction& f) {
  function = &f;
  count = n;
  next.store(0, std::memory_order_relaxed);
  left.store(0);
  failed.store(false);
  gate.store((gate.load() / one_run + 1) * one_run + open_bit);
  if (sleepers.load() > 0) {
    { const std::lock_guard lock(sleep); }
    opened.notify_all();
  }
  draw();
  const std::uint64_t entered = gate.fetch_and(~open_bit) & entered_mask;
  for (int i = 0; i < spins && left.load() != entered; ++i) relax();
  if (left.load() != entered) {
    if (forked())
      throw Error(
          "parallel loop: an index forked, and the child came back into the loop without the "
          "threads that had the other indices; it must end in the index, by exec or _exit");
    std::unique_lock lock(sleep);
    caller_sleeps.store(true);
    finished.wait(lock, [&] { return left.load() == entered; });
    caller_sleeps.store(false);
  }
  if (failed.load()) std::rethrow_exception(std::exchange(failure, nullptr));
}

void PoolState::start(std::size_t wanted) {
  stopped.store(false);
  // More threads than processors must not spin: they would keep each other from working.
  spins = wanted <= usable_processors() ? spin_rounds : 0;
  try {
    workers.reserve(wanted - 1);
    while (workers.size() + 1 < wanted) {
      workers.emplace_back([this] {
        work();
        release_cached_memory();
      });
    }
  } catch (const std::system_error&) {
    // The system has no more threads: those that started do the work, with the same results.
  } catch (const std::bad_alloc&) {
  }
  threads.store(workers.size() + 1);
}

bool PoolState::stop() {
  stopped.store(true);
  const bool idle = !running.load();
  { const std::lock_guard lock(sleep); }
  opened.notify_all();
  for (std::thread& worker : workers) idle ? worker.join() : worker.detach();
  threads.store(1);
  std::vector<std::thread>().swap(workers);
  return idle;
}

}  // namespace papillon::detail
