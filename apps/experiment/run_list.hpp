// What experiments of many runs share. A command of such runs goes through these steps:
//
//   - its options list their members, those that are read only with another one in
//     visit.where() (tensor/options.hpp);
//   - the tables of its configuration file become runs: expand_run(), fill_placeholders(),
//     check_run_name(), is_chosen() (here);
//   - a run has an identity, run_identity(), with which its result is stored and found again:
//     write_stored(), read_stored(), keep_earlier() (identity.hpp);
//   - run_each() checks all runs, takes the results of those that are finished, and runs the others
//     in order:
//
//       const RunSteps<Run, Result> steps{
//           [&](const Run& run) { ... throws what does not fit together ... },
//           [&](const Run& run) -> std::optional<Result> { ... read_stored(file, "results") ... },
//           [&](Run& run) { ... run, write_stored(file, identity, json) ... }};
//       for (auto& [i, result] : run_each<Run, Result>(runs, steps, quiet)) ...
//
//   - one list of columns makes the table for people and the CSV file (table.hpp), and series of
//     numbers a figure (line_figure.hpp).
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "papillon/apps/command.hpp"
#include "papillon/apps/progress.hpp"

namespace papillon::apps {

// The tables that a [[command.run]] table stands for: where it gives a list to an option that takes
// one value, the first has the first values of all such lists, and so on. Throws InputError for
// lists of different lengths, and for an option that concerns the whole experiment (outputs, those
// of one call of the program, threads).
std::vector<Settings> expand_run(const Settings& table, std::span<const Option> options);

// The text with the value of an option in place of each {option}. Throws UsageError for one that
// there is not.
std::string fill_placeholders(const std::string& text, std::span<const Option> options);

// Throws InputError for a name that cannot be that of a directory, or is taken already.
void check_run_name(const std::string& name, std::set<std::string>& taken);

// Whether the name is one of these, or begins with one that ends with '*'; all are where there is
// none.
bool is_chosen(const std::string& name, const std::vector<std::string>& patterns);

// Calls work(); what it throws says which of the runs it is about.
void in_run(const std::string& name, const std::function<void()>& work);

// What the processor of this machine is called.
std::string machine_description();

// How runs of one kind are done. A Run has a `name`, and is `selected` if it is to be done; others
// are only shown, if they were done before.
template <class Run, class Result>
struct RunSteps {
  // Throws what the run would throw for options and inputs that do not fit together.
  std::function<void(const Run&)> check;
  std::function<std::optional<Result>(const Run&)> finished;  // what is stored of exactly this run
  std::function<Result(Run&)> run;
};

// Checks all of them before the first begins; then takes each result from where it is stored, or
// runs it. In order: the index of the run, and its result.
template <class Run, class Result>
std::vector<std::pair<std::size_t, Result>> run_each(std::span<Run> runs,
                                                     const RunSteps<Run, Result>& steps,
                                                     bool quiet) {
  for (const Run& run : runs)
    if (run.selected) in_run(run.name(), [&] { steps.check(run); });
  std::vector<std::pair<std::size_t, Result>> results;
  for (std::size_t i = 0; i < runs.size(); ++i)
    in_run(runs[i].name(), [&] {
      std::optional<Result> result = steps.finished(runs[i]);
      if (result && runs[i].selected && !quiet)
        print_message("{}: finished before\n", runs[i].name());
      if (!result && runs[i].selected) result = steps.run(runs[i]);
      if (result) results.emplace_back(i, std::move(*result));
    });
  return results;
}

}  // namespace papillon::apps
