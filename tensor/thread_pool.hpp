// Thread pool for loops over tiles. Threads draw indices; what an index computes must not depend on
// the thread it runs on, so results are the same for any number of threads.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace papillon {

// A reference to a callable void(std::size_t): no allocation, valid for the call it is passed to.
class IndexFunction {
 public:
  // f must outlive this.
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, IndexFunction>)
      IndexFunction(F&& f)  // NOLINT(bugprone-forwarding-reference-overload): the constraint
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, std::size_t i) {
          (*static_cast<std::remove_reference_t<F>*>(object))(i);
        }) {}
  // Calls f(i).
  void operator()(std::size_t i) const { call_(object_, i); }

 private:
  void* object_;
  void (*call_)(void*, std::size_t);
};

namespace detail {
struct PoolState;
struct DefaultPool;
// True in forked children of the process that called it first.
bool in_forked_child();
}  // namespace detail

// May be constructed, used and destroyed at any time, also in static constructors and destructors.
// In a forked child, inherited pools have no threads: their loops run on the caller. exit() does
// not wait for a running loop.
class ThreadPool {
 public:
  // threads: how many run at once, the caller's own included; 0: one for each processor that this
  // process may use. Throws ArgumentError above 4096.
  explicit ThreadPool(std::size_t threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // How many run at once, the caller's own included.
  std::size_t thread_count() const;

  // Calls f(0) ... f(count - 1), each once, and returns when all are done. The first exception
  // that a call throws is thrown again here, after the others have stopped. A loop inside a loop
  // runs on the thread it is in; two host threads that share a pool take turns. Throws Error in a
  // child that f forked and that came back into the loop: other indices were on other threads.
  void run(std::size_t count, IndexFunction f);

 private:
  friend struct detail::DefaultPool;
  struct Later {};
  constexpr explicit ThreadPool(Later) {}  // no threads until it is given a state

  detail::PoolState* state_ = nullptr;
};

// The pool of the library's own loops. Starts its threads on first use, and ends them when static
// objects are destroyed: after that, loops run on their callers.
ThreadPool& default_pool();
// Sets the number of threads from its next use on; 0: one for each processor. Waits for a running
// loop; throws ArgumentError inside one. Has no effect in a forked child of a process that used the
// pool, and after its end.
void set_thread_count(std::size_t threads);
// 1 in those two cases.
std::size_t thread_count();

// Calls f(0) ... f(count - 1) on the default pool; see ThreadPool::run().
inline void parallel_for(std::size_t count, IndexFunction f) {
  default_pool().run(count, f);
}

}  // namespace papillon
