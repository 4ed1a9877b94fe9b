#include "papillon/lorenz/assimilation/methods/hybrid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/methods/generating_method.hpp"
#include "papillon/lorenz/assimilation/observed_ensemble.hpp"

namespace papillon::inline assimilation {
namespace {

double sum_of_squares(ConstRows rows) {
  double sum = 0;
  for (const double x : rows.values()) sum += x * x;
  return sum;
}

}  // namespace

void hybrid_analysis(AnalysisCase& analysis, ConstRows generated, const HybridOptions& options,
                     Arena& memory) {
  if (analysis.observations->count() == 0) return;
  const std::size_t members = analysis.states.count, d = analysis.states.width;
  const Rows joint = memory.rows(members + generated.count, d);
  std::copy_n(analysis.states.data, analysis.states.size(), joint.data);
  MeanAndAnomalies moved = split_mean(generated, memory);
  moved.mean = split_mean(analysis.states, memory).mean;
  join_mean(moved, joint.rows(members, generated.count));

  AnalysisCase joint_analysis{joint, analysis.observations, analysis.random, {}};
  etkf_analysis(joint_analysis, options.etkf, memory);

  const MeanAndAnomalies all = split_mean(joint, memory);
  MeanAndAnomalies carried = split_mean(joint.rows(0, members), memory);
  const double carried_variance =
      sum_of_squares(carried.anomalies) / (static_cast<double>(members) - 1);
  const double variance = sum_of_squares(all.anomalies) / (static_cast<double>(joint.count) - 1);
  if (carried_variance > 0) {
    const double scale = std::sqrt(variance / carried_variance);
    for (double& x : carried.anomalies.values()) x *= scale;
  }
  carried.mean = all.mean;
  join_mean(carried, analysis.states);
}

MethodPointer hybrid_etkf(std::size_t members, SourcePointer source, const HybridOptions& options) {
  if (members < 2)
    throw ArgumentError(fmt::format("hybrid_etkf: has {} members; must have 2 or more", members));
  return make_generating_method(
      {"hybrid_etkf",
       fmt::format("hybrid_etkf members {} prior_variance_inflation {} "
                   "analysis_anomaly_inflation {} rotate {} around_each_member {}",
                   members, options.etkf.prior_variance_inflation,
                   options.etkf.analysis_anomaly_inflation, options.etkf.rotate,
                   options.around_each_member),
       members},
      std::move(source),
      [options](const AnalysisCase& analysis, Arena& memory) -> ConstRows {
        if (options.around_each_member) return analysis.states;
        return {split_mean(analysis.states, memory).mean, 1, analysis.states.width};
      },
      [options](AnalysisCase& analysis, ConstRows generated, Arena& memory) {
        hybrid_analysis(analysis, generated, options, memory);
      });
}

GeneratedMembers::GeneratedMembers(SourceChoice source) : source_(std::move(source)) {
  std::vector<Option> list;
  append_to(list, {});
  for (Option& option : list)
    if (option.name == "generated") option.assign({"50"});
}

void GeneratedMembers::append_to(std::vector<Option>& list, const std::string& heading) {
  const auto first = static_cast<std::ptrdiff_t>(list.size());
  source_.append_to(list, heading);
  for (auto option = list.begin() + first; option != list.end(); ++option) {
    if (option->name != "members") continue;
    option->name = "generated";
    option->info.help = "members that are generated beside those that are carried";
  }
}

}  // namespace papillon::inline assimilation
