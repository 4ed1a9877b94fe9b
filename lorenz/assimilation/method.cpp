#include "papillon/lorenz/assimilation/method.hpp"

#include <fmt/format.h>

#include <optional>

#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline assimilation {

void AssimilationMethod::check(const ObservationModel&) const {}

FunctionMethod::FunctionMethod(MethodTraits traits, AnalysisFunction analyse,
                               ObservationCheck check)
    : traits_(std::move(traits)), analyse_(std::move(analyse)), check_(std::move(check)) {
  if (traits_.members == 0)
    throw ArgumentError(traits_.name + ": has 0 members; must have at least one");
  if (traits_.description.empty())
    traits_.description = fmt::format("{} members {}", traits_.name, traits_.members);
}

std::size_t FunctionMethod::scored_members() const {
  return traits_.scored_members ? traits_.scored_members : traits_.members;
}

void FunctionMethod::check(const ObservationModel& observations) const {
  if (traits_.dimension && observations.dimension() != traits_.dimension)
    throw ShapeError(fmt::format("{}: observations are of {} components; must be {}", traits_.name,
                                 observations.dimension(), traits_.dimension));
  if (check_) check_(observations);
}

void FunctionMethod::analyse(std::span<AnalysisCase> cases, Arena& memory) const {
  for (AnalysisCase& c : cases) {
    const Arena::Scope frame(memory);
    analyse_(c, memory);
  }
}

MethodPointer make_method(MethodTraits traits, AnalysisFunction analyse, ObservationCheck check) {
  return std::make_shared<FunctionMethod>(std::move(traits), std::move(analyse), std::move(check));
}

void for_each_case(std::span<AnalysisCase> cases, const AnalysisFunction& f) {
  std::vector<std::optional<AssimilationError>> failed(cases.size());
  parallel_for(cases.size(), [&](std::size_t i) {
    Arena memory;
    try {
      f(cases[i], memory);
    } catch (const AnalysisError& e) {
      failed[i].emplace(e.failure, cases[i].random.cycle, cases[i].random.trajectory, e.what());
    }
  });
  for (const auto& error : failed)
    if (error) throw *error;
}

}  // namespace papillon::inline assimilation
