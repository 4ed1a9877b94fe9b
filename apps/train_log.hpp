// train.jsonl: one JSON object a line, for the loss and for each validation.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace papillon::apps {

class TrainLog {
 public:
  // Keeps the lines of an earlier run up to that step (none for step 0) and appends to them.
  TrainLog(const std::filesystem::path& path, std::uint64_t steps_done);
  // The first line makes the file. Throws OutputError.
  void write(const nlohmann::ordered_json& line);
  // The lowest of the lines that were kept.
  std::optional<double> best_validation_loss() const { return best_; }
  // The last that was kept or written; step 0: none.
  struct Validation {
    std::uint64_t step = 0;
    double loss = 0;
  };
  Validation last_validation() const { return last_; }

 private:
  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  void open();

  std::filesystem::path path_;
  std::string kept_;
  std::unique_ptr<std::FILE, Close> file_;
  std::optional<double> best_;
  Validation last_;
};

}  // namespace papillon::apps
