// An allocator that keeps freed blocks for the next tensor of that size, so that a loop over equal
// shapes takes memory from the system in its first pass only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace papillon {

struct AllocationCounters {
  std::uint64_t system_allocations = 0;  // blocks that came from the system
  std::uint64_t recycled = 0;            // blocks that were served from the cache
  std::size_t cached_bytes = 0;          // bytes that this thread's cache holds now
};

// The counters of the calling thread.
AllocationCounters allocation_counters();

// The number of blocks that all threads together took from the system since the program started.
std::uint64_t total_system_allocations();

// Gives the calling thread's cached blocks back to the system.
void release_cached_memory();

// A namespace of its own: xtensor calls sum(...) and mean(...) unqualified on its expressions, and
// would find ours through an allocator that lives beside them (argument-dependent lookup).
namespace memory {

// Blocks are aligned to 64 bytes (a cache line, an AVX-512 register).
void* allocate_block(std::size_t bytes);
void free_block(void* block, std::size_t bytes) noexcept;

// An allocator of the standard library on these blocks; all of one type are equal.
template <class T>
class RecyclingAllocator {
 public:
  // What xtensor asks of an allocator.
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using pointer = T*;
  using const_pointer = const T*;
  using reference = T&;
  using const_reference = const T&;
  // As std::allocator_traits asks for it.
  template <class U>
  struct rebind {
    // The allocator of another type.
    using other = RecyclingAllocator<U>;
  };

  // Stateless.
  RecyclingAllocator() = default;
  template <class U>
  RecyclingAllocator(const RecyclingAllocator<U>&) noexcept {}

  // Memory for n elements; throws std::bad_alloc.
  T* allocate(std::size_t n) {
    if (n > SIZE_MAX / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(allocate_block(n * sizeof(T)));
  }
  // Returns what allocate(n) gave.
  void deallocate(T* p, std::size_t n) noexcept { free_block(p, n * sizeof(T)); }

  // Always true.
  template <class U>
  bool operator==(const RecyclingAllocator<U>&) const noexcept {
    return true;
  }
};

}  // namespace memory

using memory::RecyclingAllocator;

}  // namespace papillon
