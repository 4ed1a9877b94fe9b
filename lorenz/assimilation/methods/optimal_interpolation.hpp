// Optimal interpolation: the Kalman update with a background covariance that never changes.
#pragma once

#include <array>
#include <vector>

#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::inline assimilation {

// x_a = x_b + K (y - H(x_b)), K = B H^T (H B H^T + R)^-1 (Gandin 1963; Daley 1991, section 4.2),
// with H linearised at x_b if it is not linear. states: [1, D]. If the report is asked for, it gets
// the variances diag(B) and diag((I - K H) B). Throws AnalysisError (singular).
void optimal_interpolation_analysis(AnalysisCase& analysis, const Tensor<double>& b, Arena& memory);

// B = deviation_inflation^2 covariance. With a first guess [D] (the mean of the climate, say), each
// analysis starts from it instead of the forecast, which then is only scored. Throws ShapeError,
// and as covariance_factor() does.
MethodPointer optimal_interpolation(const Tensor<double>& covariance,
                                    double deviation_inflation = 1,
                                    std::vector<double> first_guess = {});

enum class FirstGuess { forecast, climatology };
constexpr auto enum_names(FirstGuess) {
  return std::array{"forecast", "climatology"};
}
struct FirstGuessOptions {
  FirstGuess first_guess = FirstGuess::forecast;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("first-guess", self.first_guess, {"what the observations correct"});
  }
};

}  // namespace papillon::inline assimilation
