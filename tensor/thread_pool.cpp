// The pool's protocol. A run opens the gate under a new number; threads that come while it is open
// enter and draw indices; the caller closes the gate when no index is left and waits only for those
// that entered. So a thread that is slow to wake delays nobody.
#include "papillon/tensor/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

#include "papillon/tensor/errors.hpp"

namespace papillon {
namespace {

// Some 50 microseconds: longer than the pauses between the loops of a training step, shorter than
// anything a user would see as a busy machine.
constexpr int spin_rounds = 2000;

// Set on every thread that is inside a loop: loops inside it run where they are.
thread_local bool inside_loop = false;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

std::size_t usable_processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  }
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

std::size_t resolve_thread_count(std::size_t threads) {
  if (threads > 4096) {
    throw ArgumentError("ThreadPool: needs at most 4096 threads, not " + std::to_string(threads));
  }
  return threads == 0 ? usable_processors() : threads;
}

void run_serially(std::size_t count, IndexFunction f) {
  for (std::size_t i = 0; i < count; ++i) f(i);
}

}  // namespace

struct ThreadPool::State {
  // The gate: run number * 2^17 + open * 2^16 + threads that entered.
  static constexpr std::uint64_t entered_mask = 0xFFFF;
  static constexpr std::uint64_t open_bit = 0x10000;
  static constexpr std::uint64_t one_run = 0x20000;

  std::mutex turn;  // of host threads that share the pool
  std::vector<std::thread> workers;
  int spins = 0;

  // The loop at hand; written while the gate is closed and nobody is inside.
  const IndexFunction* function = nullptr;
  std::size_t count = 0;
  alignas(64) std::atomic<std::size_t> next = 0;
  alignas(64) std::atomic<std::uint64_t> gate = 0;
  alignas(64) std::atomic<std::uint64_t> left = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr failure;

  // Sleeping. Each side first announces itself and then looks again (both sequentially consistent),
  // so that no wake-up is lost.
  std::mutex sleep;
  std::condition_variable opened, finished;
  std::atomic<int> sleepers = 0;
  std::atomic<bool> caller_sleeps = false;
  std::atomic<bool> stop = false;

  void draw() {
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

  bool news(std::uint64_t last_run) const {
    const std::uint64_t g = gate.load();
    return stop.load() || ((g & open_bit) != 0 && g / one_run != last_run);
  }

  void work() {
    inside_loop = true;
    std::uint64_t last_run = 0;
    while (true) {
      for (int i = 0; i < spins && !news(last_run); ++i) relax();
      if (!news(last_run)) {
        std::unique_lock lock(sleep);
        ++sleepers;
        opened.wait(lock, [&] { return news(last_run); });
        --sleepers;
      }
      if (stop.load()) return;
      std::uint64_t g = gate.load();
      while ((g & open_bit) != 0 && !gate.compare_exchange_weak(g, g + 1)) {
      }
      if ((g & open_bit) == 0) continue;  // came too late
      last_run = g / one_run;
      draw();
      left.fetch_add(1);
      if (caller_sleeps.load()) {
        { const std::lock_guard lock(sleep); }
        finished.notify_one();
      }
    }
  }

  void run(std::size_t n, const IndexFunction& f) {
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
      std::unique_lock lock(sleep);
      caller_sleeps.store(true);
      finished.wait(lock, [&] { return left.load() == entered; });
      caller_sleeps.store(false);
    }
    if (failed.load()) std::rethrow_exception(std::exchange(failure, nullptr));
  }

  ~State() {
    stop.store(true);
    { const std::lock_guard lock(sleep); }
    opened.notify_all();
    for (std::thread& worker : workers) worker.join();
  }
};

ThreadPool::ThreadPool(std::size_t threads) : state_(std::make_unique<State>()) {
  threads = resolve_thread_count(threads);
  // More threads than processors must not spin: they would keep each other from working.
  state_->spins = threads <= usable_processors() ? spin_rounds : 0;
  state_->workers.reserve(threads - 1);
  try {
    while (state_->workers.size() + 1 < threads) {
      state_->workers.emplace_back([state = state_.get()] { state->work(); });
    }
  } catch (const std::system_error&) {
    // The system gives no more threads: those that started do the work, with the same results.
  }
}

ThreadPool::~ThreadPool() = default;

std::size_t ThreadPool::thread_count() const {
  return state_->workers.size() + 1;
}

void ThreadPool::run(std::size_t count, IndexFunction f) {
  if (inside_loop || count < 2 || state_->workers.empty()) return run_serially(count, f);
  const std::lock_guard turn(state_->turn);
  struct Inside {
    Inside() { inside_loop = true; }
    ~Inside() { inside_loop = false; }
  } inside;
  state_->run(count, f);
}

namespace {

struct DefaultPool {
  std::mutex mutex;
  std::size_t threads = 0;
  std::unique_ptr<ThreadPool> owner;
  std::atomic<ThreadPool*> pool = nullptr;
};

DefaultPool& the_default() {
  static DefaultPool instance;
  return instance;
}

}  // namespace

ThreadPool& default_pool() {
  DefaultPool& d = the_default();
  if (ThreadPool* pool = d.pool.load(std::memory_order_acquire)) return *pool;
  const std::lock_guard lock(d.mutex);
  if (!d.owner) d.owner = std::make_unique<ThreadPool>(d.threads);
  d.pool.store(d.owner.get(), std::memory_order_release);
  return *d.owner;
}

void set_thread_count(std::size_t threads) {
  threads = resolve_thread_count(threads);
  DefaultPool& d = the_default();
  const std::lock_guard lock(d.mutex);
  d.threads = threads;
  if (d.owner && d.owner->thread_count() == threads) return;
  d.pool.store(nullptr, std::memory_order_release);
  d.owner.reset();
}

std::size_t thread_count() {
  DefaultPool& d = the_default();
  if (const ThreadPool* pool = d.pool.load(std::memory_order_acquire)) return pool->thread_count();
  const std::lock_guard lock(d.mutex);
  return d.threads == 0 ? usable_processors() : d.threads;
}

}  // namespace papillon
