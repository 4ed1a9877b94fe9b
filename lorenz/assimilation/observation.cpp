#include "papillon/lorenz/assimilation/observation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/covariance.hpp"
#include "papillon/lorenz/assimilation/errors.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/internal/small_kernels.hpp"

namespace papillon::inline assimilation {

ObservationModel::ObservationModel(ObservationOperator h, double deviation)
    : ObservationModel(std::move(h), std::vector<double>{deviation}) {}

ObservationModel::ObservationModel(ObservationOperator h, std::vector<double> deviations)
    : h_(std::move(h)), deviations_(std::move(deviations)) {
  if (deviations_.size() == 1) deviations_.resize(h_.observations(), deviations_[0]);
  if (deviations_.size() != h_.observations())
    throw ShapeError(
        fmt::format("observations: there are {} error deviations; must be {}, one an observation",
                    deviations_.size(), h_.observations()));
  for (const double d : deviations_)
    if (!(std::isfinite(d) && d > 0))
      throw ArgumentError(fmt::format("observations: error deviation is {}; must be positive", d));
}

ObservationModel::ObservationModel(ObservationOperator h, const Tensor<double>& covariance)
    : h_(std::move(h)), covariance_(covariance) {
  const std::size_t p = h_.observations();
  if (covariance.shape() != Shape{p, p})
    throw ShapeError(fmt::format("observations: error covariance has shape {}; must be [{}, {}]",
                                 to_string(covariance.shape()), p, p));
  factor_ = covariance_factor(covariance, "observations: the error covariance");
  for (std::size_t i = 0; i < p; ++i) deviations_.push_back(std::sqrt(covariance(i, i)));
}

Tensor<double> ObservationModel::covariance() const {
  if (!uncorrelated()) return covariance_;
  const std::size_t p = observations();
  Tensor<double> r = Tensor<double>::zeros({p, p});
  for (std::size_t i = 0; i < p; ++i) r(i, i) = deviations_[i] * deviations_[i];
  return r;
}

std::string ObservationModel::description() const {
  if (uncorrelated())
    return fmt::format("{}, errors {}", h_.description(), fmt::join(deviations_, " "));
  return fmt::format("{}, error covariance {}", h_.description(),
                     fmt::join(covariance_.begin(), covariance_.end(), " "));
}

void ObservationModel::observe(const double* truth, const RandomAddress& address, double* out,
                               Arena& memory) const {
  const std::size_t p = observations();
  const Arena::Scope frame(memory);
  double* e = memory.take(p);
  address.normal(Purpose::observation_errors, {e, p});
  h_.apply({truth, 1, dimension()}, {out, 1, p});
  for (std::size_t i = 0; i < p; ++i) {
    if (uncorrelated()) {
      out[i] += deviations_[i] * e[i];
    } else {
      for (std::size_t j = 0; j <= i; ++j) out[i] += factor_(i, j) * e[j];
    }
  }
}

Observation::Observation(const ObservationModel& model, std::span<const double> values,
                         Arena& memory)
    : model_(&model) {
  const std::size_t all = model.observations();
  if (values.size() != all)
    throw ShapeError(fmt::format("observations: there are {} values; the operator gives {}",
                                 values.size(), all));
  values_ = memory.take(all);
  static_assert(sizeof(std::size_t) <= sizeof(double));
  which_ = reinterpret_cast<std::size_t*>(memory.take(all));
  for (std::size_t i = 0; i < all; ++i) {
    if (std::isnan(values[i])) continue;
    if (std::isinf(values[i]))
      throw AnalysisError(
          AssimilationFailure::observation,
          fmt::format("observation {} is infinite; must be finite, or NaN where it is missing", i));
    which_[count_] = i;
    values_[count_++] = values[i];
  }
  const std::size_t p = count_;
  if (model.uncorrelated()) {
    factor_ = memory.take(all);
    for (std::size_t i = 0; i < p; ++i) factor_[i] = model.deviations_[which_[i]];
  } else {
    factor_ = memory.take(all * all);
    const Tensor<double>& from = complete() ? model.factor_ : model.covariance_;
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = 0; j < p; ++j) factor_[i * p + j] = from(which_[i], which_[j]);
    if (!complete() && !small::cholesky(factor_, p))
      throw AnalysisError(AssimilationFailure::singular,
                          "the error covariance of what is observed is not positive definite");
  }
}

bool Observation::try_predict(ConstRows states, Rows out, Arena& memory) const {
  const Arena::Scope frame(memory);
  const Rows all = complete() ? out : memory.rows(states.count, model_->observations());
  model_->h().apply(states, all);
  bool finite = true;
  for (std::size_t m = 0; m < states.count; ++m)
    for (std::size_t i = 0; i < count_; ++i) {
      out[m][i] = all[m][which_[i]];
      finite = finite && std::isfinite(out[m][i]);
    }
  return finite;
}

void Observation::predict(ConstRows states, Rows out, Arena& memory) const {
  if (try_predict(states, out, memory)) return;
  std::size_t k = 0;
  while (std::isfinite(out.data[k])) ++k;
  throw AnalysisError(AssimilationFailure::observation,
                      fmt::format("the observation operator ({}) gives {} for observation {}",
                                  model_->h().description(), out.data[k], which_[k % count_]));
}

void Observation::whiten(Rows rows) const {
  if (!model_->uncorrelated()) {
    for (std::size_t m = 0; m < rows.count; ++m) small::solve_lower(factor_, count_, rows[m]);
    return;
  }
  for (std::size_t m = 0; m < rows.count; ++m)
    for (std::size_t i = 0; i < count_; ++i) rows[m][i] /= factor_[i];
}

double Observation::error_covariance(std::size_t i, std::size_t j) const {
  if (!model_->uncorrelated()) return model_->covariance_(which_[i], which_[j]);
  return i == j ? factor_[i] * factor_[i] : 0;
}

void Observation::apply_inverse_covariance(double* row, Arena& memory) const {
  const Arena::Scope frame(memory);
  const std::size_t all = model_->observations();
  double* part = memory.take(count_);
  for (std::size_t i = 0; i < count_; ++i) part[i] = row[which_[i]];
  if (model_->uncorrelated()) {
    for (std::size_t i = 0; i < count_; ++i) part[i] /= factor_[i] * factor_[i];
  } else {
    small::solve_lower(factor_, count_, part);
    small::solve_lower_transposed(factor_, count_, part);
  }
  std::fill_n(row, all, 0.0);
  for (std::size_t i = 0; i < count_; ++i) row[which_[i]] = part[i];
}

void ObservationSource::observe(const double* truth, const RandomAddress& address,
                                std::span<double> out, Arena& memory) const {
  if (given) {
    const std::size_t row = address.trajectory * given->extent(1) + address.cycle;
    std::copy_n(given->data() + row * out.size(), out.size(), out.data());
    return;
  }
  model.observe(truth, address, out.data(), memory);
  for (const double y : out)
    if (!std::isfinite(y))
      throw AnalysisError(AssimilationFailure::observation,
                          "the observation of the truth is not finite");
}

}  // namespace papillon::inline assimilation
