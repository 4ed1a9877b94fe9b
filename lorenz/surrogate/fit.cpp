#include "papillon/lorenz/surrogate/fit.hpp"

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/surrogate/readout.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/internal/row_tiles.hpp"

namespace papillon::inline surrogate {

RidgeSystem ridge_system(const Features& features, const TrainingPairs& pairs,
                         const PairProgress& progress) {
  constexpr std::uint64_t chunk = 1 << 14;
  StreamingRidge ridge(features.size(), pairs.dimension());
  for (std::uint64_t begin = 0; begin < pairs.size(); begin += chunk) {
    const std::uint64_t rows = std::min(chunk, pairs.size() - begin);
    ridge.add(rows, [&](std::size_t first, std::size_t n, double* x, std::size_t ldx, double* y,
                        std::size_t ldy) {
      Tensor<double> states(Shape{n, pairs.dimension()});
      pairs.read(begin + first, n, states.data(), pairs.dimension(), y, ldy);
      features.evaluate(n, states.data(), x, ldx);
    });
    if (progress) progress(begin + rows);
  }
  return std::move(ridge).decompose();
}

std::vector<double> prediction_errors(const Features& features, const std::vector<RidgeFit>& fits,
                                      const TrainingPairs& pairs) {
  const std::size_t d = pairs.dimension(), width = features.size();
  std::vector<ReadoutPtr> readouts;
  for (const RidgeFit& fit : fits) readouts.push_back(linear_readout(fit));
  const std::size_t tiles = tile_count(pairs.size());
  std::vector<double> squares(tiles * fits.size());
  for_each_tile(pairs.size(), [&](std::size_t first, std::size_t n) {
    Tensor<double> states(Shape{n, d}), targets(Shape{n, d}), x(Shape{n, width}), y(Shape{n, d});
    pairs.read(first, n, states.data(), d, targets.data(), d);
    features.evaluate(n, states.data(), x.data(), width);
    for (std::size_t f = 0; f < fits.size(); ++f) {
      readouts[f]->apply(n, x.data(), width, y.data());
      for (std::size_t i = 0; i < n * d; ++i)
        squares[first / row_tile * fits.size() + f] += (y[i] - targets[i]) * (y[i] - targets[i]);
    }
  });
  std::vector<double> errors(fits.size());
  for (std::size_t t = 0; t < tiles; ++t)
    for (std::size_t f = 0; f < fits.size(); ++f)
      errors[f] += squares[t * fits.size() + f] / static_cast<double>(pairs.size() * d);
  return errors;
}

std::vector<double> lambda_range() {
  std::vector<double> lambdas;
  for (int e = -28; e <= 0; ++e) lambdas.push_back(std::pow(10.0, 0.5 * e));
  return lambdas;
}

LambdaSearch search_lambda(const RidgeSystem& system, const Features& features,
                           const TrainingPairs& validation, const std::vector<double>& lambdas) {
  std::vector<RidgeFit> fits;
  for (const double lambda : lambdas) {
    try {
      fits.push_back(system.solve(lambda));
    } catch (const NumericalError&) {
      if (lambda == lambdas.back() && fits.empty()) throw;
    }
  }
  LambdaSearch search;
  search.errors = prediction_errors(features, fits, validation);
  for (const RidgeFit& fit : fits) search.lambdas.push_back(fit.lambda);
  const auto best = std::min_element(search.errors.begin(), search.errors.end());
  search.best = fits[static_cast<std::size_t>(best - search.errors.begin())];
  return search;
}

}  // namespace papillon::inline surrogate
