// A comparison: many models, seeds and values of what a scaling changes. What is finished is kept
// in files, one a model and seed, and taken from there by the next run with the same settings.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "papillon/apps/surrogate/experiment.hpp"

namespace papillon::apps {

// One value of what a scaling changes, and the options with it.
struct Variant {
  double value = 0;
  ExperimentOptions options;
};
// For axis samples, corruption or lead; no values: a range that suits. For "none", the options as
// they are. Throws UsageError for values that the option of that name would not take.
std::vector<Variant> scaled(const ExperimentOptions& options, const std::string& axis,
                            std::vector<double> values);

class Comparison {
 public:
  // out: the directory for results; seeds: how many, from the context's on.
  Comparison(const Context& context, const Experiment& experiment, std::filesystem::path out,
             int seeds, bool figure);

  // All models: results.json, tables and the figure; returns the results, by name.
  Json compare(const std::vector<Recipe>& recipes, const ExperimentOptions& options) const;
  // All models for each value of an axis.
  Json scale(const std::vector<Recipe>& recipes, const std::string& axis,
             const std::vector<Variant>& variants) const;

 private:
  using Named = std::vector<std::pair<std::string, Json>>;

  std::vector<Json> entries(const Recipe& recipe, std::uint64_t seed, const ExperimentOptions& o,
                            const std::string& tag) const;
  Named averaged(const Recipe& recipe, const ExperimentOptions& o, const std::string& tag) const;
  void write_results(double seconds, const Json& results, const Json& more) const;

  const Context& context_;
  const Experiment& experiment_;
  std::filesystem::path out_;
  int seeds_;
  bool figure_;
};

std::string progress_label(const Recipe& recipe, std::uint64_t seed, const char* what);

}  // namespace papillon::apps
