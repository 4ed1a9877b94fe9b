#include "papillon/apps/resuming.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace papillon::apps {

void refuse_resume(const SettingsMismatch& mismatch, const Json& settings) {
  std::vector<SettingDifference> differing = mismatch.differing;
  for (SettingDifference& d : differing) {  // "--batch-size" for "batch_size"
    std::string option = d.name;
    std::replace(option.begin(), option.end(), '_', '-');
    if (settings.contains(option)) d.name = "--" + option;
  }
  const SettingDifference& first = differing.front();
  const bool option = first.name.rfind("--", 0) == 0 && !first.stored.empty();
  throw InputError(fmt::format(
      "{}: is of a run with other settings: {}; {}start anew without --resume", mismatch.file,
      describe(differing),
      option ? fmt::format("give {} {}, or ", first.name, first.stored) : std::string()));
}

}  // namespace papillon::apps
