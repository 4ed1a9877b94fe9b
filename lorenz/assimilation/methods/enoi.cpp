#include "papillon/lorenz/assimilation/methods/enoi.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/lorenz/assimilation/observed_ensemble.hpp"

namespace papillon::inline assimilation {
namespace {

void write_around(const double* centre, Rows anomalies, Rows out) {
  if (!out.data) return;
  for (std::size_t m = 0; m < out.count; ++m)
    for (std::size_t i = 0; i < out.width; ++i) out[m][i] = centre[i] + anomalies[m][i];
}

}  // namespace

void enoi_analysis(AnalysisCase& one, Rows ensemble, const EnoiOptions& options, Arena& memory) {
  const Observation& observed = *one.observations;
  const std::size_t p = observed.count();
  const double rho = options.prior_variance_inflation, scale = std::sqrt(rho);
  const Rows x = split_mean(ensemble, memory).anomalies;
  for (std::size_t k = 0; k < x.size(); ++k) x.data[k] *= scale;
  write_around(one.states[0], x, one.report.background);
  if (p == 0) return write_around(one.states[0], x, one.report.analysis);
  const ObservedAnomalies y = observe_ensemble(ensemble, observed, memory);
  const double* predicted = y.mean;
  if (options.innovation == InnovationOf::background) {
    const Rows of_background = memory.rows(1, p);
    observed.predict(one.states, of_background, memory);
    predicted = of_background[0];
  }
  const Spectrum spectrum =
      decompose(y.anomalies, whitened_innovation(observed, predicted, memory), memory);

  // The mean update of etkf_analysis(), with the anomalies scaled already.
  const double norm = 1 / std::sqrt(static_cast<double>(ensemble.count) - 1);
  double *weights = memory.take(spectrum.rank), *extra = memory.take(spectrum.rank);
  for (std::size_t k = 0; k < spectrum.rank; ++k) {
    const double s = scale * spectrum.s[k], c = 1 / (1 + s * s);
    weights[k] = norm * s * c * spectrum.projections[k][0];
    extra[k] = std::sqrt(c) - 1;
  }
  move_mean(one.states[0], x, spectrum, weights);
  if (!one.report.analysis.data) return;
  transform_anomalies(x, spectrum, 1, extra, memory);
  write_around(one.states[0], x, one.report.analysis);
}

namespace {

class Enoi final : public AssimilationMethod {
 public:
  Enoi(SourcePointer source, const EnoiOptions& options)
      : source_(std::move(source)), options_(options) {
    if (!source_) throw ArgumentError("enoi: needs a source of ensembles");
    if (!(options.prior_variance_inflation > 0))
      throw ArgumentError("enoi: the inflation should be positive");
  }
  std::string name() const override { return "enoi"; }
  std::string description() const override {
    return fmt::format(
        "enoi prior_variance_inflation {} innovation of the {}, {}",
        options_.prior_variance_inflation,
        options_.innovation == InnovationOf::background ? "background" : "ensemble mean",
        source_->description());
  }
  Uncertainty uncertainty() const override { return Uncertainty::generated; }
  std::size_t scored_members() const override { return source_->members(); }
  bool batched() const override { return source_->batched(); }
  void check(const ObservationModel& observations) const override {
    if (source_->dimension() != observations.dimension())
      throw ShapeError(fmt::format("enoi: ensembles of {} components, observations of {}",
                                   source_->dimension(), observations.dimension()));
  }

  void analyse(std::span<AnalysisCase> cases, Arena& memory) const override {
    const std::size_t n = cases.size(), d = source_->dimension(), m = source_->members();
    Tensor<double> backgrounds(Shape{n, d});
    std::vector<RandomAddress> addresses;
    for (std::size_t i = 0; i < n; ++i) {
      std::copy_n(cases[i].states[0], d, backgrounds.data() + i * d);
      addresses.push_back(cases[i].random);
    }
    Tensor<double> ensembles = source_->generate(backgrounds, addresses);
    const auto one = [&](AnalysisCase& c, Arena& mine) {
      const std::size_t i = static_cast<std::size_t>(&c - cases.data());
      enoi_analysis(c, {ensembles.data() + i * m * d, m, d}, options_, mine);
    };
    if (n == 1)
      one(cases[0], memory);
    else
      for_each_case(cases, one);
  }

 private:
  SourcePointer source_;
  EnoiOptions options_;
};

}  // namespace

MethodPointer enoi(SourcePointer source, const EnoiOptions& options) {
  return std::make_shared<Enoi>(std::move(source), options);
}

}  // namespace papillon::inline assimilation
