// The error of an assimilation that failed: it names the cycle and the trajectory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "papillon/tensor/errors.hpp"

namespace papillon::inline assimilation {

enum class AssimilationFailure {
  diverged,     // a state that is not finite, or too far from the truth to be of the system
  singular,     // a covariance that cannot be factorised, a minimisation that does not converge
  observation,  // an observation that is infinite, or an operator outside its domain
};

// what() begins with "cycle C, trajectory K: ". Everything up to that cycle stays in the
// experiment that threw it.
struct AssimilationError : NumericalError {
  AssimilationError(AssimilationFailure why, std::uint64_t at_cycle, std::size_t of_trajectory,
                    const std::string& message);

  AssimilationFailure failure;
  std::uint64_t cycle;     // counted from the first cycle of the burn-in, from 0
  std::size_t trajectory;  // from 0
};

// What analysis functions throw, who know neither cycle nor trajectory; the experiment adds both.
struct AnalysisError : NumericalError {
  AnalysisError(AssimilationFailure why, const std::string& message)
      : NumericalError(message), failure(why) {}
  AssimilationFailure failure;
};

}  // namespace papillon::inline assimilation
