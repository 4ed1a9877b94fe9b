// A saved surrogate as the model of the forecasts.
#pragma once

#include <memory>
#include <string>

#include "papillon/lorenz/assimilation/model.hpp"
#include "papillon/lorenz/surrogate/surrogate.hpp"

namespace papillon::apps {

// Counts in the system's steps of dt, and goes in whole steps of the surrogate. Throws InputError
// if the surrogate's step is no multiple of dt. Its advance() and graph() throw ArgumentError for
// steps that are no multiple of the surrogate's.
ModelPointer surrogate_forecast(std::shared_ptr<const Surrogate> surrogate, double dt,
                                const std::string& file);

}  // namespace papillon::apps
