#include "papillon/apps/memory.hpp"
#include "papillon/apps/progress.hpp"

#include <fmt/format.h>

#include <utility>

#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

bool announced = true;

}  // namespace

void announce_memory(bool announce) {
  announced = announce;
}

void require_memory(double bytes, const std::string& what, const std::string& advice) {
  try {
    papillon::require_memory(bytes, what);
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}; {}", error.what(), advice));
  }
  static std::string said;  // once, however often a search comes by
  if (announced && bytes > 1e9 && std::exchange(said, what) != what)
    print_message("{} needs about {:.1f} GB of memory\n", what, bytes / 1e9);
}

}  // namespace papillon::apps
