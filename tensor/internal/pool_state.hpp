// The protocol of the thread pool. A run opens the gate under a new number; threads that arrive
// while it is open enter and draw indices; the caller closes the gate when no index is left and
// waits only for the threads that entered. So a thread that is slow to wake up delays no loop.
//
// A library's threads must not interfere with its host: exit() may be called from anywhere, statics
// that use the library may be destroyed after its own, and fork() may happen at any time on any
// thread. So the state of a loop is never destroyed while it may still be used, and a forked child
// touches neither the locks nor the threads of an inherited pool. It is recognised by getpid() (0.1
// to 0.4 microseconds a loop), which works for every kind of fork and, unlike pthread_atfork,
// registers nothing in the host.
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

// Set on every thread that is inside a loop: nested loops run on their thread.
extern constinit thread_local bool inside_loop;

std::size_t usable_processors();

struct PoolState {
  // The gate: run number * 2^17 + open * 2^16 + threads that entered.
  static constexpr std::uint64_t entered_mask = 0xFFFF;
  static constexpr std::uint64_t open_bit = 0x10000;
  static constexpr std::uint64_t one_run = 0x20000;

  const pid_t owner;  // the process that has the workers
  std::mutex turn;    // held by the host thread whose loop is running
  std::vector<std::thread> workers;
  std::atomic<std::size_t> threads = 1;  // workers and caller
  int spins = 0;

  // The current loop; written while the gate is closed and no thread is inside.
  const IndexFunction* function = nullptr;
  std::size_t count = 0;
  alignas(64) std::atomic<std::size_t> next = 0;
  alignas(64) std::atomic<std::uint64_t> gate = 0;
  alignas(64) std::atomic<std::uint64_t> left = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr failure;

  // Sleeping. Each side first announces itself and then checks again (both sequentially
  // consistent), so that no wake-up is lost.
  std::mutex sleep;
  std::condition_variable opened, finished;
  std::atomic<int> sleepers = 0;
  std::atomic<bool> caller_sleeps = false;

  // Stopping, likewise: a loop announces itself and then checks `stopped`; stop() the other way
  // round.
  std::atomic<bool> running = false;
  std::atomic<bool> stopped = false;
  PoolState* next_abandoned = nullptr;

  PoolState();
  bool forked() const;

  // In the caller's turn. Throws what an index throws, and Error as ThreadPool::run says.
  void run(std::size_t n, const IndexFunction& f);
  void start(std::size_t wanted);
  // After this call loops run on their callers. False if a loop is running: its workers are
  // detached and end after it. (Waiting could take for ever: an index may have ended the pool, by
  // exit().)
  bool stop();

 private:
  void draw();
  bool news(std::uint64_t last_run) const;
  void work();
};

}  // namespace papillon::detail
