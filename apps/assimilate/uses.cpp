#include "papillon/apps/assimilate/uses.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace papillon::apps {
namespace {

bool among(const std::string& value, std::initializer_list<const char*> list) {
  return std::any_of(list.begin(), list.end(), [&](const char* one) { return value == one; });
}

// Whether members are generated around a run, and from one of these.
bool generates(const AssimilateOptions& o, std::initializer_list<const char*> ensembles) {
  return (among(o.method, {"enoi", "hybrid"}) || !o.spread.empty()) && among(o.ensemble, ensembles);
}

struct Use {
  const char* option;
  const char* by;  // "is for ..."
  bool (*used)(const AssimilateOptions&);
  bool tunable = true;
};

constexpr const char* by_static =
    "oi, 3dvar, 4dvar, and enoi or hybrid with --ensemble static, diagonal or sigma-points";
constexpr const char* by_diffusion =
    "enoi and hybrid (and --spread) with --ensemble diffusion or posterior";

bool has_static_covariance(const AssimilateOptions& o) {
  return (o.spread.empty() && among(o.method, {"oi", "3dvar", "4dvar"})) ||
         generates(o, {"static", "diagonal", "sigma-points"});
}
bool diffuses(const AssimilateOptions& o) {
  return generates(o, {"diffusion", "posterior"});
}
bool draws(const AssimilateOptions& o) {
  return generates(o, {"posterior"});
}

bool is_finite_size(const AssimilateOptions& o) {
  return o.method == "enkf-n";
}

const Use uses[] = {
    {"members", "ensembles whose number of members is free",
     [](const AssimilateOptions& o) {
       return among(o.method, {"etkf", "letkf", "enkf", "enkf-n", "hybrid"}) ||
              generates(o, {"static", "diagonal", "diffusion", "posterior"});
     }},
    {"prior-variance-inflation", "etkf, letkf, enkf, enoi and hybrid",
     [](const AssimilateOptions& o) {
       return among(o.method, {"etkf", "letkf", "enkf", "enoi", "hybrid"});
     }},
    {"analysis-anomaly-inflation", "etkf, letkf, enkf, enkf-n and hybrid",
     [](const AssimilateOptions& o) {
       return among(o.method, {"etkf", "letkf", "enkf", "enkf-n", "hybrid"});
     }},
    {"deviation-inflation", by_static, has_static_covariance},
    {"covariance", by_static, has_static_covariance},
    {"rotate", "etkf, letkf, enkf-n and hybrid",
     [](const AssimilateOptions& o) {
       return among(o.method, {"etkf", "letkf", "enkf-n", "hybrid"});
     }},
    {"radius", "letkf", [](const AssimilateOptions& o) { return o.method == "letkf"; }},
    {"known-mean", "enkf-n", is_finite_size},
    {"gauge", "enkf-n", is_finite_size},
    {"certainty", "enkf-n", is_finite_size},
    {"without-mode-correction", "enkf-n", is_finite_size},
    {"partial-hessian", "enkf-n", is_finite_size},
    {"free-perturbations", "enkf", [](const AssimilateOptions& o) { return o.method == "enkf"; }},
    {"first-guess", "oi", [](const AssimilateOptions& o) { return o.method == "oi"; }},
    {"innovation", "enoi", [](const AssimilateOptions& o) { return o.method == "enoi"; }},
    {"window", "4dvar", [](const AssimilateOptions& o) { return o.method == "4dvar"; }},
    {"inner-loops", "4dvar", [](const AssimilateOptions& o) { return o.method == "4dvar"; }},
    {"outer-loops", "3dvar and 4dvar",
     [](const AssimilateOptions& o) {
       return among(o.method, {"3dvar", "4dvar"});
     }},
    {"tolerance", "3dvar and 4dvar",
     [](const AssimilateOptions& o) {
       return among(o.method, {"3dvar", "4dvar"});
     }},
    {"generated", "hybrid", [](const AssimilateOptions& o) { return o.method == "hybrid"; }},
    {"around-each-member", "hybrid",
     [](const AssimilateOptions& o) { return o.method == "hybrid"; }},
    {"ensemble", "enoi, hybrid and --spread",
     [](const AssimilateOptions& o) {
       return among(o.method, {"enoi", "hybrid"}) || !o.spread.empty();
     }},
    {"model", by_diffusion, diffuses},
    {"sampler", by_diffusion, diffuses},
    {"steps", by_diffusion, diffuses},
    {"spacing", by_diffusion, diffuses},
    {"start-step", by_diffusion,
     [](const AssimilateOptions& o) { return diffuses(o) && o.spread.empty(); }},
    {"eta", "--ensemble diffusion with --sampler ddim",
     [](const AssimilateOptions& o) { return generates(o, {"diffusion"}) && o.sampler == "ddim"; }},
    {"variance", "--ensemble diffusion with --sampler ddpm",
     [](const AssimilateOptions& o) { return generates(o, {"diffusion"}) && o.sampler == "ddpm"; }},
    {"library", "enoi and hybrid (and --spread) with --ensemble posterior", draws},
    {"library-states", "enoi and hybrid (and --spread) with --ensemble posterior", draws},
    {"cutoff", "enoi and hybrid (and --spread) with --ensemble posterior", draws},
    {"dimension", "--system lorenz96",
     [](const AssimilateOptions& o) { return o.system == "lorenz96"; }, false},
    {"forcing", "--system lorenz96",
     [](const AssimilateOptions& o) { return o.system == "lorenz96"; }, false},
    {"parameters", "--system lorenz63",
     [](const AssimilateOptions& o) { return o.system == "lorenz63"; }, false},
    {"observation-deviation", "errors without --observation-covariance",
     [](const AssimilateOptions& o) { return o.observation_covariance.empty(); }, false},
};

std::string run_of(const AssimilateOptions& o) {
  std::string text = o.spread.empty() ? "--method " + o.method : std::string("--spread");
  if (among(o.method, {"enoi", "hybrid"}) || !o.spread.empty()) text += " --ensemble " + o.ensemble;
  return text;
}

}  // namespace

void check_used(const AssimilateOptions& o, const Settings& given) {
  for (const Use& use : uses) {
    const auto found = given.find(use.option);
    if (found == given.end() || use.used(o)) continue;
    const std::string where =
        found->second.from_file ? found->second.origin : "--" + std::string(use.option);
    throw UsageError(fmt::format("{}: is not used by {}; it is for {}", where, run_of(o), use.by));
  }
}

void check_tunable(const AssimilateOptions& o) {
  const auto* use = std::find_if(std::begin(uses), std::end(uses),
                                 [&](const Use& u) { return o.tune == u.option; });
  if (use == std::end(uses) || !use->tunable)
    throw UsageError(fmt::format("--tune {}: is no parameter of a method", o.tune));
  if (!use->used(o))
    throw UsageError(
        fmt::format("--tune {}: is not used by {}; it is for {}", o.tune, run_of(o), use->by));
}

}  // namespace papillon::apps
