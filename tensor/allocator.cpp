#include "papillon/tensor/allocator.hpp"

#include <pthread.h>

#include <array>
#include <atomic>
#include <bit>

namespace papillon {
namespace {

constexpr std::size_t alignment = 64;
// The most that a thread's cache holds; blocks beyond it are returned to the system.
constexpr std::size_t cache_limit = std::size_t{512} << 20;

std::atomic<std::uint64_t> system_total{0};

struct FreeBlock {
  FreeBlock* next;
};

// Sizes are rounded up to four steps an octave (at most 25 % is lost), so that a few free lists
// serve all shapes.
std::size_t size_class(std::size_t bytes) {
  if (bytes <= 4 * alignment) return bytes <= alignment ? 0 : (bytes - 1) / alignment;
  const auto octave = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // >= 8
  const auto quarter = ((bytes - 1) >> (octave - 2)) & 3;
  return 4 + (octave - 8) * 4 + quarter;
}

std::size_t class_bytes(std::size_t c) {
  if (c < 4) return (c + 1) * alignment;
  const std::size_t octave = 8 + (c - 4) / 4;
  return ((c - 4) % 4 + 5) << (octave - 2);
}

constexpr std::size_t classes = 4 + 4 * 40;  // up to 2^48 bytes

// Plain data, so that it needs no destructor: a C++ destructor of a thread-local object would keep
// a module loaded with dlopen from being unloaded until the thread ends.
struct Cache {
  std::array<FreeBlock*, classes> lists{};
  AllocationCounters counters;
  enum { fresh, in_use, closed } state = fresh;

  void release() {
    for (std::size_t c = 0; c < classes; ++c)
      while (FreeBlock* block = lists[c]) {
        lists[c] = block->next;
        ::operator delete (block, std::align_val_t{alignment});
      }
    counters.cached_bytes = 0;
  }
  // Tensors that outlive the thread's cache are returned to the system.
  void close() {
    release();
    state = closed;
  }
};
constinit thread_local Cache this_thread;

// A thread-specific key that closes the caches of threads when they end. The first thread creates
// it without a lock, which a fork could leave locked.
class Key {
 public:
  bool watch(Cache& cache) {
    int expected = absent;
    if (state_.compare_exchange_strong(expected, in_the_making)) {
      const bool made =
          pthread_key_create(&key_, [](void* c) { static_cast<Cache*>(c)->close(); }) == 0;
      state_.store(expected = made ? ready : gone);
    }
    return expected == ready && pthread_setspecific(key_, &cache) == 0;
  }
  // Threads that end later must not call this code, which may be unloaded; their caches leak.
  ~Key() {
    if (state_.exchange(gone) == ready) pthread_key_delete(key_);
    this_thread.close();
  }

 private:
  enum { absent, in_the_making, ready, gone };
  std::atomic<int> state_ = absent;
  pthread_key_t key_{};
};
constinit Key cache_key;

Cache* cache() {
  Cache& own = this_thread;
  if (own.state == Cache::fresh && cache_key.watch(own)) own.state = Cache::in_use;
  return own.state == Cache::in_use ? &own : nullptr;
}

}  // namespace

AllocationCounters allocation_counters() {
  const Cache* c = cache();
  return c != nullptr ? c->counters : AllocationCounters{};
}

std::uint64_t total_system_allocations() {
  return system_total.load();
}

void release_cached_memory() {
  if (Cache* c = cache()) c->release();
}

namespace memory {

void* allocate_block(std::size_t bytes) {
  if (bytes > (std::size_t{1} << 47)) throw std::bad_alloc();
  const std::size_t c = size_class(bytes);
  Cache* const own = cache();
  if (own != nullptr) {
    if (FreeBlock* block = own->lists[c]) {
      own->lists[c] = block->next;
      own->counters.cached_bytes -= class_bytes(c);
      ++own->counters.recycled;
      return block;
    }
    ++own->counters.system_allocations;
  }
  system_total.fetch_add(1, std::memory_order_relaxed);
  return ::operator new (class_bytes(c), std::align_val_t{alignment});
}

void free_block(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return;
  const std::size_t c = size_class(bytes);
  Cache* const own = cache();
  if (own == nullptr || own->counters.cached_bytes + class_bytes(c) > cache_limit) {
    ::operator delete (block, std::align_val_t{alignment});
    return;
  }
  own->lists[c] = new (block) FreeBlock{own->lists[c]};
  own->counters.cached_bytes += class_bytes(c);
}

}  // namespace memory
}  // namespace papillon
