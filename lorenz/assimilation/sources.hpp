// The sources of ensembles that are chosen by name.
#pragma once

#include "papillon/lorenz/assimilation/ensemble_source.hpp"
#include "papillon/lorenz/assimilation/method_options.hpp"
#include "papillon/tensor/registry.hpp"

namespace papillon::inline assimilation {

using SourceRegistry = Registry<SourcePointer(const MethodInputs&)>;
using SourceChoice = Choice<SourcePointer(const MethodInputs&)>;

// Those of the library. To add one: its file, and a line in sources.cpp; or add() to a copy.
const SourceRegistry& sources();

// --ensemble, and the options of all sources. A source with a free number of members has an option
// "members".
SourceChoice source_choice(const SourceRegistry& registry = sources());

}  // namespace papillon::inline assimilation
