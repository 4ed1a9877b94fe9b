#include "papillon/lorenz/dynamics/schemes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "papillon/tensor/errors.hpp"

namespace papillon::inline dynamics {

std::vector<std::string> scheme_names() {
  std::vector<std::string> names;
  for (const Scheme& scheme : schemes) names.emplace_back(scheme.name);
  return names;
}

const Scheme& scheme_named(std::string_view name) {
  for (const Scheme& scheme : schemes)
    if (scheme.name == name) return scheme;
  throw ArgumentError(fmt::format("scheme '{}' is unknown; must be one of {}", name,
                                  fmt::join(scheme_names(), ", ")));
}

}  // namespace papillon::inline dynamics
