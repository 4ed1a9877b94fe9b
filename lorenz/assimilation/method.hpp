// What an assimilation method is to the twin experiment, which knows nothing of which one it is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "papillon/lorenz/assimilation/errors.hpp"
#include "papillon/lorenz/assimilation/observation.hpp"

namespace papillon::inline assimilation {

// How far a method says that the truth may be: what spread, CRPS and rank histogram are made of.
enum class Uncertainty {
  none,       // it does not say
  ensemble,   // the members that it carries
  generated,  // an ensemble made for each analysis, that it hands over
  gaussian    // variances, that it hands over
};

// For one trajectory, where Uncertainty is `generated` (ensembles [scored_members, D]) or
// `gaussian` (variances [1, D]). Left empty where nobody asks.
struct UncertaintyReport {
  Rows background, analysis;
};

// One trajectory in one analysis.
struct AnalysisCase {
  Rows states;                      // [members, D]: in, the background; out, the analysis
  const Observation* observations;  // one, or window() of them, the oldest first
  RandomAddress random;             // its trajectory, and the cycle of the last observation
  UncertaintyReport report;
};

// States are those of the observation's time; for a method that begins at the window's start, those
// of one observation interval before the first observation. Methods are immutable; analyse() is
// called from several threads at once unless batched().
class AssimilationMethod {
 public:
  virtual ~AssimilationMethod() = default;
  virtual std::string name() const = 0;
  // All that its results depend on, for fingerprints and files: "etkf members 12 ...".
  virtual std::string description() const = 0;
  virtual std::size_t members() const { return 1; }  // that it carries from cycle to cycle
  virtual Uncertainty uncertainty() const { return Uncertainty::ensemble; }
  virtual std::size_t scored_members() const { return members(); }  // of the ensemble it reports
  // Wants all trajectories of a cycle in one call: networks are quicker so.
  virtual bool batched() const { return false; }
  // Observation intervals from one analysis to the next.
  virtual std::size_t window() const { return 1; }
  // Analyses the states at the window's start (a smoother); the experiment then forecasts from
  // there, and scores what it finds at the times of the observations.
  virtual bool from_window_start() const { return false; }
  // Throws ShapeError or ArgumentError if it cannot work with these observations.
  virtual void check(const ObservationModel& observations) const;

  // Cases without any observation come, too, and leave the states as they are, inflation included.
  // Throws AssimilationError; where one case is at a time, AnalysisError does as well.
  virtual void analyse(std::span<AnalysisCase> cases, Arena& memory) const = 0;
};
using MethodPointer = std::shared_ptr<const AssimilationMethod>;

// A method from a function that analyses one case: how the library's own are made, and a way to
// try one of yours.
struct MethodTraits {
  std::string name, description;
  std::size_t members = 1;
  Uncertainty uncertainty = Uncertainty::ensemble;
  std::size_t scored_members = 0;  // 0: members
};
using AnalyseOne = std::function<void(AnalysisCase& one, Arena& memory)>;
MethodPointer make_method(MethodTraits traits, AnalyseOne analyse,
                          std::function<void(const ObservationModel&)> check = {});

// f(case, its memory) for all cases, on all threads; an AnalysisError becomes an AssimilationError
// of that case, the first by trajectory is thrown.
void for_each_case(std::span<AnalysisCase> cases, const AnalyseOne& f);

}  // namespace papillon::inline assimilation
