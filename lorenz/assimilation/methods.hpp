// The assimilation methods that are chosen by name.
#pragma once

#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/lorenz/assimilation/sources.hpp"

namespace papillon::inline assimilation {

using MethodRegistry = Registry<MethodPointer(const MethodInputs&)>;

// Those of the library. To add one: its file, and a line in methods.cpp; or add() to a copy.
const MethodRegistry& methods();
// The same, generating ensembles from these sources: sources() with some of your own, say.
MethodRegistry methods_with(const SourceRegistry& sources);

}  // namespace papillon::inline assimilation
