// The ETKF with members that a source generates beside those that it carries.
#pragma once

#include "papillon/lorenz/assimilation/methods/etkf.hpp"
#include "papillon/lorenz/assimilation/sources.hpp"

namespace papillon::inline assimilation {

struct HybridOptions {
  EtkfOptions etkf{};
  // Around which state the source generates: the mean of the members (one ensemble), or each member
  // (its members() for each of them).
  bool around_each_member = false;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(self.etkf);
    visit("around-each-member", self.around_each_member,
          {"generates for each carried member, not for their mean"});
  }
};

// The M carried members and the G generated ones, all alike, in one ETKF analysis (Finn et al.
// 2024, section 5.3); the generated ones are moved so that their mean is that of the members. The M
// carried on are those of the analysis ensemble, moved to have its mean and, so that their spread
// stands for the whole, with anomalies multiplied by the ratio of the two ensembles' standard
// deviations (root of the trace). generated: [G, D].
void hybrid_analysis(AnalysisCase& analysis, ConstRows generated, const HybridOptions& options,
                     Arena& memory);
MethodPointer hybrid_etkf(std::size_t members, SourcePointer source,
                          const HybridOptions& options = {});

// A source whose members are called "generated", since "members" are those that a hybrid carries.
class GeneratedMembers {
 public:
  explicit GeneratedMembers(SourceChoice source = source_choice());
  SourcePointer make(const MethodInputs& inputs) const { return source_.make(inputs); }
  void append_to(std::vector<Option>& list, const std::string& heading);

 private:
  SourceChoice source_;
};
struct HybridSettings {
  WithMembers<HybridOptions> hybrid{};
  GeneratedMembers source{};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(self.hybrid);
    visit(self.source);
  }
};

}  // namespace papillon::inline assimilation
