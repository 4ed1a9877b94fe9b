#include "papillon/lorenz/assimilation/methods/hybrid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/observed_ensemble.hpp"

namespace papillon::inline assimilation {
namespace {

double squares(Rows rows) {
  double sum = 0;
  for (std::size_t k = 0; k < rows.size(); ++k) sum += rows.data[k] * rows.data[k];
  return sum;
}

}  // namespace

void hybrid_analysis(AnalysisCase& one, Rows generated, const HybridOptions& options,
                     Arena& memory) {
  if (one.observations->count() == 0) return;
  const std::size_t members = one.states.count, d = one.states.width;
  const Rows joint = memory.rows(members + generated.count, d);
  std::copy_n(one.states.data, one.states.size(), joint.data);
  MeanAndAnomalies extra = split_mean(generated, memory);
  extra.mean = split_mean(one.states, memory).mean;
  join_mean(extra, {joint[members], generated.count, d});

  AnalysisCase together{joint, one.observations, one.random, {}};
  etkf_analysis(together, options.etkf, memory);

  const MeanAndAnomalies all = split_mean(joint, memory);
  MeanAndAnomalies carried = split_mean({joint.data, members, d}, memory);
  const double have = squares(carried.anomalies) / (static_cast<double>(members) - 1);
  const double want = squares(all.anomalies) / (static_cast<double>(joint.count) - 1);
  if (have > 0) {
    const double scale = std::sqrt(want / have);
    for (std::size_t k = 0; k < carried.anomalies.size(); ++k) carried.anomalies.data[k] *= scale;
  }
  carried.mean = all.mean;
  join_mean(carried, one.states);
}

namespace {

class Hybrid final : public AssimilationMethod {
 public:
  Hybrid(std::size_t members, SourcePointer source, const HybridOptions& options)
      : members_(members), source_(std::move(source)), options_(options) {
    if (members < 2)
      throw ArgumentError(fmt::format("hybrid: {} members; needs 2 or more", members));
    if (!source_) throw ArgumentError("hybrid: needs a source of ensembles");
  }
  std::string name() const override { return "hybrid_etkf"; }
  std::string description() const override {
    return fmt::format(
        "hybrid_etkf members {} prior_variance_inflation {} "
        "analysis_anomaly_inflation {} rotate {} around_each_member {}, {}",
        members_, options_.etkf.prior_variance_inflation, options_.etkf.analysis_anomaly_inflation,
        options_.etkf.rotate, options_.around_each_member, source_->description());
  }
  std::size_t members() const override { return members_; }
  bool batched() const override { return source_->batched(); }
  void check(const ObservationModel& observations) const override {
    if (source_->dimension() != observations.dimension())
      throw ShapeError(fmt::format("hybrid: ensembles of {} components, observations of {}",
                                   source_->dimension(), observations.dimension()));
  }

  void analyse(std::span<AnalysisCase> cases, Arena& memory) const override {
    const std::size_t d = source_->dimension(), each = options_.around_each_member ? members_ : 1;
    const std::size_t made = each * source_->members();
    Tensor<double> around(Shape{cases.size() * each, d});
    std::vector<RandomAddress> addresses;
    for (std::size_t i = 0; i < cases.size(); ++i)
      for (std::size_t k = 0; k < each; ++k) {
        const Arena::Scope frame(memory);
        const double* centre = options_.around_each_member
                                   ? cases[i].states[k]
                                   : split_mean(cases[i].states, memory).mean;
        std::copy_n(centre, d, around.data() + (i * each + k) * d);
        addresses.push_back(cases[i].random);
        addresses.back().centre = k;
      }
    Tensor<double> generated = source_->generate(around, addresses);
    const auto one = [&](AnalysisCase& c, Arena& mine) {
      const std::size_t i = static_cast<std::size_t>(&c - cases.data());
      hybrid_analysis(c, {generated.data() + i * made * d, made, d}, options_, mine);
    };
    if (cases.size() == 1)
      one(cases[0], memory);
    else
      for_each_case(cases, one);
  }

 private:
  std::size_t members_;
  SourcePointer source_;
  HybridOptions options_;
};

}  // namespace

MethodPointer hybrid_etkf(std::size_t members, SourcePointer source, const HybridOptions& options) {
  return std::make_shared<Hybrid>(members, std::move(source), options);
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
