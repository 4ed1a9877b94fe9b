// The states of some cycles, kept for states.nc.
#pragma once

#include <filesystem>

#include "papillon/apps/states/twin_file.hpp"
#include "papillon/lorenz/assimilation/twin_experiment.hpp"
#include "papillon/nn/run_settings.hpp"

namespace papillon::apps {

class Recorder {
 public:
  // Keeps cycles first ... first + count - 1, counted from the first of the burn-in. Throws
  // UsageError for more than fits into a sensible memory.
  Recorder(std::size_t trajectories, std::size_t dimension, std::size_t observations,
           std::uint64_t first, std::uint64_t count, double time_between);

  bool is_active() const { return count_ > 0; }
  void add(const TwinRecord& record);
  void write(const std::filesystem::path& path, std::map<std::string, std::string> attributes);

  // For resuming. identity: settings and inputs of the run; load() throws SettingsMismatch where
  // they are others. identity_of(): those of a file. Throw InputError.
  void save(const std::filesystem::path& path, const RunSettings& identity) const;
  void load(const std::filesystem::path& path, const RunSettings& identity);
  static RunSettings identity_of(const std::filesystem::path& path);

 private:
  static constexpr const char* names[] = {"truth", "background", "analysis", "observation"};
  Tensor<double>* values(std::size_t i);

  std::uint64_t first_, count_;
  TwinStates states_;
};

}  // namespace papillon::apps
