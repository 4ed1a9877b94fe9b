// papillon gradcheck: checks every op's gradients.
#include <fmt/format.h>

#include "papillon/apps/command.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/autograd/gradcheck/op_samples.hpp"

namespace papillon::apps {
namespace {

class Gradcheck : public Command {
 public:
  const char* name() const override { return "gradcheck"; }
  const char* about() const override {
    return "Check every op's gradients against differences with error bars (exit code 4 if one is "
           "wrong or cannot be checked).";
  }
  const char* example() const override { return "  papillon gradcheck\n"; }

  Json run(const Context& context) override {
    const std::vector<GradcheckRow> rows = run_gradcheck_table(context.seed);
    Json results = Json::object();
    bool failed = rows.empty();  // nothing was checked
    if (context.tables())
      fmt::print("{:<22}{:<14}{:>8}{:>9}{:>14}{:>12}\n", "op", "verdict", "samples", "entries",
                 "worst error", "error bar");
    for (const GradcheckRow& row : rows) {
      failed = failed || row.verdict != Verdict::pass;
      results[row.op] = {{"verdict", to_string(row.verdict)},
                         {"worst_error", row.worst_error},
                         {"error_bar", row.error_bar},
                         {"samples", row.samples},
                         {"entries", row.entries}};
      if (!context.tables()) continue;
      fmt::print("{:<22}{:<14}{:>8}{:>9}{:>14.1e}{:>12.1e}\n", row.op, to_string(row.verdict),
                 row.samples, row.entries, row.worst_error, row.error_bar);
    }
    if (!context.quiet)
      for (const GradcheckRow& row : rows)
        if (!row.text.empty()) print_message("\n{}", row.text);
    if (failed) results["failed"] = true;
    return results;
  }
};

}  // namespace

std::unique_ptr<Command> make_gradcheck() {
  return std::make_unique<Gradcheck>();
}

}  // namespace papillon::apps
