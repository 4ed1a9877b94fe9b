#include "papillon/lorenz/assimilation/errors.hpp"

namespace papillon::inline assimilation {

AssimilationError::AssimilationError(AssimilationFailure why, std::uint64_t at_cycle,
                                     std::size_t of_trajectory, const std::string& message)
    : NumericalError("cycle " + std::to_string(at_cycle) + ", trajectory " +
                     std::to_string(of_trajectory) + ": " + message),
      failure(why),
      cycle(at_cycle),
      trajectory(of_trajectory) {}

}  // namespace papillon::inline assimilation
