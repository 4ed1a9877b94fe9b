// First step: the options of one run, or of each that a file of experiments lists.
#pragma once

#include "papillon/apps/assimilate/options.hpp"
#include "papillon/apps/command.hpp"
#include "papillon/apps/experiment/identity.hpp"

namespace papillon::apps {

struct AssimilationRun {
  AssimilateOptions options;
  Context context;       // seed, quiet, and settings: the resolved options
  bool selected = true;  // of several: to be done, not only shown if it was done before

  const std::string& name() const { return options.results.name; }
  // For tables and progress: the name, or what the run is.
  std::string label() const;
  std::filesystem::path file(const char* name) const {
    return std::filesystem::path(options.results.out) / name;
  }
  // All options, seed and threads with them. The list refers to this run, which must not move as
  // long as it lives.
  std::vector<Option> list();
  // The text of an option that is used; empty if it is not.
  std::string text(const char* name) const;
  // The run with one option set. Throws ArgumentError for a value that it does not take.
  AssimilationRun with(const std::string& name, const std::string& value) const;

  RunSettings identity(FileDigests& digests, Role except = Role::setting) const;
  Json digests(FileDigests& digests) const;
};

// The run of options that the program has assigned already.
AssimilationRun single_run(const AssimilateOptions& options, const Context& context);
// The runs of the file's [[assimilate.run]] tables; --run selects. common: the options outside of
// the tables. Throws UsageError, InputError.
std::vector<AssimilationRun> listed_runs(const AssimilateOptions& common, const Context& context);

// Throws UsageError if two runs differ in what must be the same for differences in pairs: truths,
// observations and scored cycles.
void require_pair(const AssimilationRun& run, const AssimilationRun& other);

}  // namespace papillon::apps
