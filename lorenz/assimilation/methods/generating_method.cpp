#include "papillon/lorenz/assimilation/methods/generating_method.hpp"

namespace papillon::inline assimilation {
namespace {

class GeneratingMethod final : public FunctionMethod {
 public:
  GeneratingMethod(MethodTraits traits, SourcePointer source, CentresFunction centres,
                   GeneratedAnalysis analyse)
      : FunctionMethod(std::move(traits), {}, {}),
        source_(std::move(source)),
        centres_(std::move(centres)),
        analyse_(std::move(analyse)) {}
  bool batched() const override { return source_->batched(); }

  void analyse(std::span<AnalysisCase> cases, Arena& memory) const override {
    const std::size_t d = source_->dimension();
    std::vector<double> centres;
    std::vector<RandomAddress> addresses;
    for (const AnalysisCase& c : cases) {
      const Arena::Scope frame(memory);
      const ConstRows rows = centres_(c, memory);
      centres.insert(centres.end(), rows.data, rows.data + rows.size());
      for (std::size_t k = 0; k < rows.count; ++k) {
        addresses.push_back(c.random);
        addresses.back().centre = k;
      }
    }
    const Tensor<double> ensembles =
        source_->generate(Tensor<double>(Shape{addresses.size(), d}, centres), addresses);
    const std::size_t rows = ensembles.size() / d / cases.size();
    const auto analyse_case = [&](AnalysisCase& c, Arena& own_memory) {
      const auto i = static_cast<std::size_t>(&c - cases.data());
      analyse_(c, {ensembles.data() + i * rows * d, rows, d}, own_memory);
    };
    if (cases.size() == 1)
      analyse_case(cases[0], memory);
    else
      for_each_case(cases, analyse_case);
  }

 private:
  SourcePointer source_;
  CentresFunction centres_;
  GeneratedAnalysis analyse_;
};

}  // namespace

MethodPointer make_generating_method(MethodTraits traits, SourcePointer source,
                                     CentresFunction centres, GeneratedAnalysis analyse) {
  if (!source)
    throw ArgumentError(traits.name + ": there is no source of ensembles; must have one");
  traits.description += ", " + source->description();
  traits.dimension = source->dimension();
  if (traits.uncertainty == Uncertainty::generated) traits.scored_members = source->members();
  return std::make_shared<GeneratingMethod>(std::move(traits), std::move(source),
                                            std::move(centres), std::move(analyse));
}

}  // namespace papillon::inline assimilation
