// Methods that generate an ensemble in each analysis.
#pragma once

#include "papillon/lorenz/assimilation/ensemble_source.hpp"
#include "papillon/lorenz/assimilation/method.hpp"

namespace papillon::inline assimilation {

// The states [n, D] around which ensembles are generated in an analysis.
using CentresFunction = std::function<ConstRows(const AnalysisCase& analysis, Arena& memory)>;
// generated: [n M, D], the ensembles of M members around the n centres.
using GeneratedAnalysis =
    std::function<void(AnalysisCase& analysis, ConstRows generated, Arena& memory)>;

// Generates the ensembles of all trajectories in one call if the source is batched. The dimension
// is the source's, and so is the number of scored members where the uncertainty is `generated`; its
// description follows that of the traits. Throws ArgumentError if there is no source.
MethodPointer make_generating_method(MethodTraits traits, SourcePointer source,
                                     CentresFunction centres, GeneratedAnalysis analyse);

}  // namespace papillon::inline assimilation
