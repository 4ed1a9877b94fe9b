// The protocol of a pool of threads. A run opens the gate under a new number; threads that come
// while it is open enter and draw indices; the caller closes the gate when no index is left and
// waits only for those that entered. So a thread that is slow to wake delays nobody.
//
// A library's threads must not get in the way of its host's life: exit() may be called from
// anywhere, statics that use the library may be destroyed after its own, and fork() may come at any
// time, from any thread. So what loops need is never destroyed while somebody could still ask for
// it, and a process that holds a copy of a pool without its threads touches neither its locks nor
// its threads. getpid() tells (0.1 to 0.4 microseconds a loop): it leaves nothing with the host, as
// a handler would, and no fork gets past it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "papillon/tensor/thread_pool.hpp"

namespace papillon::detail {

// Set on every thread that is inside a loop: loops inside it run where they are.
extern constinit thread_local bool inside_loop;

std::size_t usable_processors();

struct PoolState {
  // The gate: run number * 2^17 + open * 2^16 + threads that entered.
  static constexpr std::uint64_t entered_mask = 0xFFFF;
  static constexpr std::uint64_t open_bit = 0x10000;
  static constexpr std::uint64_t one_run = 0x20000;

  const pid_t owner;  // the process that has the workers
  std::mutex turn;    // of host threads that share the pool
  std::vector<std::thread> workers;
  std::atomic<std::size_t> threads = 1;  // workers and caller
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

  // Stopping, likewise: a loop announces itself and then looks for the end, and the other way
  // round.
  std::atomic<bool> running = false;
  std::atomic<bool> stopped = false;
  PoolState* next_abandoned = nullptr;

  PoolState();
  bool forked() const;

  // In the caller's turn. Throws what an index throws, and Error as ThreadPool::run says.
  void run(std::size_t n, const IndexFunction& f);
  void start(std::size_t wanted);
  // From here on loops run on their callers. False where a loop is running: waiting for it could
  // take for ever (an index may be what ended the pool, by exit()), so its workers are let go, and
  // end after it.
  bool stop();

 private:
  void draw();
  bool news(std::uint64_t last_run) const;
  void work();
};

}  // namespace papillon::detail
