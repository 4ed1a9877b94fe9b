#include "papillon/nn/state_dict.hpp"

#include <fmt/format.h>

#include <map>

namespace papillon::detail {

void check_state_dict(const std::vector<std::pair<std::string, Shape>>& wanted,
                      const std::vector<std::pair<std::string, Shape>>& given) {
  std::map<std::string, Shape> open;
  std::string wrong;
  const auto note = [&](const std::string& text) { wrong += (wrong.empty() ? "" : "; ") + text; };
  for (const auto& [name, shape] : given)
    if (!open.emplace(name, shape).second) note("'" + name + "' occurs twice");
  for (const auto& [name, shape] : wanted) {
    const auto found = open.find(name);
    if (found == open.end()) {
      note("'" + name + "' is missing");
      continue;
    }
    if (found->second != shape)
      note(fmt::format("'{}' has shape {} where {} is needed", name, to_string(found->second),
                       to_string(shape)));
    open.erase(found);
  }
  for (const auto& [name, shape] : open) note("'" + name + "' is not part of the module");
  if (!wrong.empty()) throw InputError("state dict: " + wrong);
}

}  // namespace papillon::detail
