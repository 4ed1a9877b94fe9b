#include "papillon/lorenz/assimilation/methods.hpp"

#include "papillon/lorenz/assimilation/methods/climatology_method.hpp"
#include "papillon/lorenz/assimilation/methods/enkf_n.hpp"
#include "papillon/lorenz/assimilation/methods/enoi.hpp"
#include "papillon/lorenz/assimilation/methods/etkf.hpp"
#include "papillon/lorenz/assimilation/methods/four_d_var.hpp"
#include "papillon/lorenz/assimilation/methods/hybrid.hpp"
#include "papillon/lorenz/assimilation/methods/letkf.hpp"
#include "papillon/lorenz/assimilation/methods/optimal_interpolation.hpp"
#include "papillon/lorenz/assimilation/methods/stochastic_enkf.hpp"
#include "papillon/lorenz/assimilation/methods/three_d_var.hpp"

namespace papillon::inline assimilation {
namespace {

// A method that carries an ensemble and needs nothing else.
template <class O>
void add(MethodRegistry& all, const char* name, MethodPointer (*make)(std::size_t, const O&)) {
  all.add<WithMembers<O>>(name, [make](const WithMembers<O>& o, const MethodInputs&) {
    return make(o.members, o.own);
  });
}

// A method with a static covariance: make(covariance, deviation inflation, options, inputs).
template <class O, class Make>
void add_static(MethodRegistry& all, const char* name, Make make) {
  all.add<WithCovariance<O>>(name, [make](const WithCovariance<O>& o, const MethodInputs& inputs) {
    return make(o.background.read(inputs), o.background.deviation_inflation, o.own, inputs);
  });
}

}  // namespace

MethodRegistry methods_with(const SourceRegistry& sources) {
  using Matrix = Tensor<double>;
  MethodRegistry all;
  all.add<NoOptions>("climatology", [](const NoOptions&, const MethodInputs& inputs) {
    std::vector<double> variances = inputs.climate().deviation;
    for (double& v : variances) v *= v;
    return climatology_method(inputs.climate().mean, std::move(variances));
  });
  add_static<FirstGuessOptions>(
      all, "oi", [](const Matrix& c, double inflation, auto& o, const MethodInputs& inputs) {
        return optimal_interpolation(c, inflation,
                                     o.first_guess == FirstGuess::climatology
                                         ? inputs.climate().mean
                                         : std::vector<double>{});
      });
  add_static<ThreeDVarOptions>(all, "3dvar",
                               [](const Matrix& c, double inflation, auto& o, const MethodInputs&) {
                                 return three_d_var(c, inflation, o);
                               });
  all.add<EnoiSettings>("enoi",
                        [](const EnoiSettings& s, const MethodInputs& inputs) {
                          return enoi(s.source.make(inputs), s.analysis);
                        },
                        {{}, source_choice(sources)});
  add(all, "etkf", etkf);
  add(all, "enkf", stochastic_enkf);
  add(all, "letkf", letkf);
  add(all, "enkf-n", enkf_n);
  add_static<FourDVarOptions>(
      all, "4dvar", [](const Matrix& c, double inflation, auto o, const MethodInputs& inputs) {
        o.steps_per_cycle = inputs.steps_per_cycle();
        return four_d_var(inputs.model(), c, inflation, o);
      });
  all.add<HybridSettings>("hybrid",
                          [](const HybridSettings& s, const MethodInputs& inputs) {
                            return hybrid_etkf(s.hybrid.members, s.source.make(inputs),
                                               s.hybrid.own);
                          },
                          {{}, GeneratedMembers(source_choice(sources))});
  return all;
}

const MethodRegistry& methods() {
  static const MethodRegistry registry = methods_with(sources());
  return registry;
}

}  // namespace papillon::inline assimilation
