#include "papillon/apps/train_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {

TrainLog::TrainLog(const std::filesystem::path& path, std::uint64_t steps_done) : path_(path) {
  if (steps_done > 0) {
    std::ifstream old(path);
    for (std::string line; std::getline(old, line);) {
      // A crash may have left half a line at the end.
      const auto json = nlohmann::json::parse(line, nullptr, false);
      if (!json.is_object() || !json.contains("step") || !json["step"].is_number_unsigned() ||
          json["step"].get<std::uint64_t>() > steps_done)
        continue;
      if (json.contains("validation_loss") && json["validation_loss"].is_number()) {
        const double loss = json["validation_loss"];
        best_ = best_ ? std::min(*best_, loss) : loss;
        last_ = {json["step"], loss};
      }
      kept_ += line + "\n";
    }
  }
}

void TrainLog::open() {
  write_file_atomically(path_, kept_);
  file_.reset(std::fopen(path_.c_str(), "ae"));
  if (!file_) throw OutputError(fmt::format("{}: {}", path_.string(), std::strerror(errno)));
}

void TrainLog::write(const nlohmann::ordered_json& line) {
  if (!file_) open();
  const std::string text = line.dump() + "\n";
  if (std::fputs(text.c_str(), file_.get()) < 0 || std::fflush(file_.get()) != 0)
    throw OutputError(fmt::format("{}: {}", path_.string(), std::strerror(errno)));
  if (line.contains("validation_loss")) last_ = {line["step"], line["validation_loss"]};
}

}  // namespace papillon::apps
