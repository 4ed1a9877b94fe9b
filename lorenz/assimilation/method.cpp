#include "papillon/lorenz/assimilation/method.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline assimilation {

void AssimilationMethod::check(const ObservationModel&) const {}

namespace {

class FunctionMethod final : public AssimilationMethod {
 public:
  FunctionMethod(MethodTraits traits, AnalyseOne analyse,
                 std::function<void(const ObservationModel&)> check)
      : traits_(std::move(traits)), analyse_(std::move(analyse)), check_(std::move(check)) {
    if (traits_.members == 0) throw ArgumentError(traits_.name + ": needs at least one member");
    if (traits_.description.empty())
      traits_.description = fmt::format("{} members {}", traits_.name, traits_.members);
  }
  std::string name() const override { return traits_.name; }
  std::string description() const override { return traits_.description; }
  std::size_t members() const override { return traits_.members; }
  Uncertainty uncertainty() const override { return traits_.uncertainty; }
  std::size_t scored_members() const override {
    return traits_.scored_members ? traits_.scored_members : traits_.members;
  }
  void check(const ObservationModel& observations) const override {
    if (check_) check_(observations);
  }
  void analyse(std::span<AnalysisCase> cases, Arena& memory) const override {
    for (AnalysisCase& one : cases) {
      const Arena::Scope frame(memory);
      analyse_(one, memory);
    }
  }

 private:
  MethodTraits traits_;
  AnalyseOne analyse_;
  std::function<void(const ObservationModel&)> check_;
};

}  // namespace

MethodPointer make_method(MethodTraits traits, AnalyseOne analyse,
                          std::function<void(const ObservationModel&)> check) {
  return std::make_shared<FunctionMethod>(std::move(traits), std::move(analyse), std::move(check));
}

void for_each_case(std::span<AnalysisCase> cases, const AnalyseOne& f) {
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
