#include "papillon/apps/command.hpp"

#include <fmt/format.h>

#include "papillon/apps/build_info.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::apps {

Json result_document(const Context& context, double seconds, Json results) {
  Json json;
  json["command"] = context.command;
  json["version"] = program_version;
  json["commit"] = program_commit;
  json["seed"] = context.seed;
  json["threads"] = thread_count();
  json["config"] = context.settings;
  json["seconds"] = seconds;
  json["results"] = std::move(results);
  return json;
}

void Context::say_when_interrupted(const std::string& what) const {
  set_interrupt_line(quiet ? "" : fmt::format("papillon {}: interrupted; {}\n", command, what));
}

void require(const std::string& value, const char* option) {
  if (value.empty()) throw UsageError(fmt::format("{} is needed", option));
}

}  // namespace papillon::apps
