#include "papillon/apps/resuming.hpp"

#include <fmt/format.h>

namespace papillon::apps {

void refuse_resume(const SettingsMismatch& mismatch, const Json& settings) {
  const auto differing = as_options(mismatch.differing, settings);
  const SettingDifference& first = differing.front();
  const bool option = first.name.rfind("--", 0) == 0 && !first.stored.empty();
  throw InputError(fmt::format(
      "{}: is of a run with other settings: {}; {}start anew without "
      "--resume",
      mismatch.file, describe(differing),
      option ? fmt::format("give {} {}, or ", first.name, first.stored) : std::string()));
}

}  // namespace papillon::apps
