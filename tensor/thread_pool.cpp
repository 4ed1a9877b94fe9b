#include "papillon/tensor/thread_pool.hpp"

#include <unistd.h>

#include <atomic>
#include <mutex>
#include <new>
#include <string>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/internal/pool_state.hpp"

namespace papillon {

using detail::inside_loop;

namespace {

std::size_t resolve_thread_count(std::size_t threads) {
  if (threads > 4096) {
    throw ArgumentError("ThreadPool: needs at most 4096 threads, not " + std::to_string(threads));
  }
  return threads == 0 ? detail::usable_processors() : threads;
}

void run_serially(std::size_t count, IndexFunction f) {
  for (std::size_t i = 0; i < count; ++i) f(i);
}

// States that may still be in use, or that a forked process cannot destroy. They stay reachable, so
// that leak checkers do not report them.
constinit std::atomic<detail::PoolState*> abandoned = nullptr;

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) {
  threads = resolve_thread_count(threads);
  state_ = new detail::PoolState;
  state_->start(threads);
}

ThreadPool::~ThreadPool() {
  if (!state_->forked() && state_->stop()) {
    delete state_;
  } else {
    state_->next_abandoned = abandoned.exchange(state_);
  }
}

std::size_t ThreadPool::thread_count() const {
  return state_ == nullptr || state_->forked() ? 1 : state_->threads.load();
}

void ThreadPool::run(std::size_t count, IndexFunction f) {
  if (inside_loop || count < 2 || state_ == nullptr || state_->threads.load() == 1 ||
      state_->stopped.load() || state_->forked())
    return run_serially(count, f);
  struct Turn {
    explicit Turn(detail::PoolState& s) : state(s) {
      state.turn.lock();
      state.running.store(true);
      inside_loop = true;
    }
    ~Turn() {
      inside_loop = false;
      state.running.store(false);
      state.turn.unlock();
    }
    detail::PoolState& state;
  };
  {
    const Turn turn(*state_);
    if (!state_->stopped.load()) return state_->run(count, f);
  }
  run_serially(count, f);
}

bool detail::in_forked_child() {
  static constinit std::atomic<pid_t> user = 0;
  pid_t first = 0;
  const pid_t self = getpid();
  return !user.compare_exchange_strong(first, self) && first != self;
}

// The state of default_pool().
struct detail::DefaultPool {
  std::mutex mutex;
  std::size_t wanted = 0;
  std::atomic<bool> started = false, ended = false;
  ThreadPool pool{ThreadPool::Later{}};
  alignas(PoolState) std::byte room[sizeof(PoolState)] = {};

  bool usable() const { return !ended.load() && !in_forked_child(); }

  ThreadPool& started_pool() {
    if (started.load(std::memory_order_acquire) || !usable()) return pool;
    const std::lock_guard lock(mutex);
    if (started.load() || ended.load()) return pool;
    if (pool.state_ == nullptr) pool.state_ = new (room) PoolState;
    pool.state_->start(resolve_thread_count(wanted));
    started.store(true, std::memory_order_release);
    return pool;
  }

  void set(std::size_t threads) {
    threads = resolve_thread_count(threads);
    if (!usable() || (started.load(std::memory_order_acquire) && pool.thread_count() == threads))
      return;
    if (inside_loop)
      throw ArgumentError("set_thread_count: called inside a parallel loop; must be outside");
    while (true) {
      // The turn first: an index that calls exit() holds it when it locks the mutex.
      const bool running = started.load(std::memory_order_acquire);
      std::unique_lock<std::mutex> turn;
      if (running) turn = std::unique_lock(pool.state_->turn);
      const std::lock_guard lock(mutex);
      if (ended.load()) return;
      if (started.load() != running) continue;
      if (running) pool.state_->stop();
      started.store(false);
      wanted = threads;
      return;
    }
  }

  std::size_t count() {
    if (!usable()) return 1;
    if (started.load(std::memory_order_acquire)) return pool.thread_count();
    const std::lock_guard lock(mutex);
    return started.load() ? pool.thread_count() : resolve_thread_count(wanted);
  }

  void end() {
    if (!usable()) return;
    const std::lock_guard lock(mutex);
    ended.store(true);
    if (started.load()) pool.state_->stop();
  }
};

namespace {

// Constant-initialised and never destroyed: there for constructors that run before main, and for
// destructors that run after it. Its threads end before this code could be unloaded (dlclose).
union Immortal {
  constexpr Immortal() : pool() {}
  ~Immortal() {}
  detail::DefaultPool pool;
};
constinit Immortal immortal;

struct AtUnload {
  ~AtUnload() { immortal.pool.end(); }
} at_unload;

}  // namespace

ThreadPool& default_pool() {
  return immortal.pool.started_pool();
}

void set_thread_count(std::size_t threads) {
  immortal.pool.set(threads);
}

std::size_t thread_count() {
  return immortal.pool.count();
}

}  // namespace papillon
