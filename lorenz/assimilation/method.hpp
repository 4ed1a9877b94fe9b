// The interface of assimilation methods.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "papillon/lorenz/assimilation/errors.hpp"
#include "papillon/lorenz/assimilation/observation.hpp"

namespace papillon::inline assimilation {

// How a method describes the uncertainty of its states: spread, CRPS and rank histogram need it.
enum class Uncertainty {
  none,       // not at all
  ensemble,   // by the members that it carries from cycle to cycle
  generated,  // by an ensemble that it generates in each analysis and writes to the report
  gaussian    // by variances that it writes to the report
};

// For one trajectory, where Uncertainty is `generated` (ensembles [scored_members, D]) or
// `gaussian` (variances [1, D]). Empty if no report is needed.
struct UncertaintyReport {
  Rows background, analysis;
};

// One trajectory in one analysis.
struct AnalysisCase {
  Rows states;                      // [members, D]: in, the background; out, the analysis
  const Observation* observations;  // window() of them, the oldest first
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
  // Everything that its results depend on, for checkpoints: "etkf members 12 ...".
  virtual std::string description() const = 0;
  virtual std::size_t members() const { return 1; }  // carried from cycle to cycle
  virtual Uncertainty uncertainty() const { return Uncertainty::ensemble; }
  virtual std::size_t scored_members() const { return members(); }  // of the ensemble it reports
  // True if all trajectories of a cycle should come in one call, which is faster for networks.
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

// A method from a function that analyses one case: most methods of the library are made like this.
struct MethodTraits {
  std::string name, description;
  std::size_t members = 1;
  Uncertainty uncertainty = Uncertainty::ensemble;
  std::size_t scored_members = 0;  // 0: members
  std::size_t dimension = 0;       // of the states; 0: any
};
using AnalysisFunction = std::function<void(AnalysisCase& analysis, Arena& memory)>;
using ObservationCheck = std::function<void(const ObservationModel& observations)>;

class FunctionMethod : public AssimilationMethod {
 public:
  FunctionMethod(MethodTraits traits, AnalysisFunction analyse, ObservationCheck check);
  std::string name() const override { return traits_.name; }
  std::string description() const override { return traits_.description; }
  std::size_t members() const override { return traits_.members; }
  Uncertainty uncertainty() const override { return traits_.uncertainty; }
  std::size_t scored_members() const override;
  void check(const ObservationModel& observations) const override;
  void analyse(std::span<AnalysisCase> cases, Arena& memory) const override;

 private:
  MethodTraits traits_;
  AnalysisFunction analyse_;
  ObservationCheck check_;
};
MethodPointer make_method(MethodTraits traits, AnalysisFunction analyse,
                          ObservationCheck check = {});

// Calls f(case, memory of its own) for all cases, on all threads. An AnalysisError becomes an
// AssimilationError of its case; the first by trajectory is thrown.
void for_each_case(std::span<AnalysisCase> cases, const AnalysisFunction& f);

}  // namespace papillon::inline assimilation
