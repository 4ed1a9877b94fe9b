// What holds for every sampler: exact oracles give the exact statistics whatever the head, rows do
// not depend on the batch they are in, and what makes no sense is refused.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "papillon/diffusion/oracles.hpp"
#include "papillon/diffusion/sampler.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

const Sampler all_samplers[] = {ddpm_sampler(), ddim_sampler(), dpm_solver_sampler(),
                                dpm_solver_sampler({.order = 3}), heun_sampler()};
constexpr Head all_heads[] = {Head::noise, Head::state, Head::velocity, Head::score};

const std::vector<double> mu{0.7, -0.4, 0.1};
// Correlated, and with one narrow direction.
const Tensor<double> covariance =
    Tensor<double>::matrix({{1.0, 0.6, 0.0}, {0.6, 0.8, 0.1}, {0.0, 0.1, 0.05}});

template <class T = double>
DenoisingModel<T> oracle(Head head, const NoiseSchedule& s = NoiseSchedule::cosine()) {
  return gaussian_oracle<T>(mu, covariance, s, head);
}

// The largest distance of a mean or covariance from the data's.
template <class T>
double moment_error(const Tensor<T>& x) {
  const double n = static_cast<double>(x.extent(0));
  double worst = 0, mean[3] = {};
  for (std::size_t i = 0; i < x.extent(0); ++i)
    for (std::size_t d = 0; d < 3; ++d) mean[d] += static_cast<double>(x(i, d)) / n;
  for (std::size_t a = 0; a < 3; ++a) {
    worst = std::max(worst, std::abs(mean[a] - mu[a]));
    for (std::size_t b = 0; b < 3; ++b) {
      double c = 0;
      for (std::size_t i = 0; i < x.extent(0); ++i)
        c +=
            (static_cast<double>(x(i, a)) - mean[a]) * (static_cast<double>(x(i, b)) - mean[b]) / n;
      worst = std::max(worst, std::abs(c - covariance(a, b)));
    }
  }
  return worst;
}

SamplerOptions options_for(const Sampler& sampler, int steps, Spacing spacing = Spacing::log_snr) {
  SamplerOptions options;
  options.sampler = sampler;
  options.steps = steps;
  options.spacing = spacing;
  options.random = {42, 7};
  return options;
}

// A step down to a share of the predicted state.
struct ShrinkOptions {
  double share = 1;
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("share", self.share, {"of the state that is kept", closed(0, 1)});
  }
};

}  // namespace

TEMPLATE_TEST_CASE("samples of a Gaussian have its mean and covariance", "[sampler]", float,
                   double) {
  // Standard errors at 20,000 rows are up to 0.01; the rest is the samplers' own error.
  constexpr std::size_t rows = 20000;
  const auto model = oracle<TestType>(Head::velocity);
  for (const Sampler& sampler :
       {dpm_solver_sampler(), dpm_solver_sampler({.order = 3}), heun_sampler()}) {
    INFO(sampler.name());
    CHECK(moment_error(sample(model, rows, 3, options_for(sampler, 60)).states) < 0.04);
  }
  CHECK(moment_error(sample(model, rows, 3, options_for(ddim_sampler(), 400)).states) < 0.04);
  auto ancestral = options_for(ddpm_sampler(), 250, Spacing::uniform);
  CHECK(moment_error(sample(model, rows, 3, ancestral).states) < 0.04);
  // beta itself as variance is too large while signal grows (Ho et al. 2020, section 3.2), and
  // right in the limit of many steps.
  ancestral.sampler = ddpm_sampler({DdpmVariance::fixed_large});
  CHECK(moment_error(sample(model, rows, 3, ancestral).states) < 0.06);
}

TEST_CASE("DDIM with eta 1 is DDPM", "[sampler]") {
  const auto model = oracle(Head::velocity);
  const auto ddim = options_for(ddim_sampler({.eta = 1}), 50, Spacing::uniform);
  const auto ddpm = options_for(ddpm_sampler(), 50, Spacing::uniform);
  // The same noise, and two ways to write one formula: rounding only.
  CHECK(max_abs_difference(sample(model, 100, 3, ddim).states, sample(model, 100, 3, ddpm).states) <
        1e-11);
}

TEST_CASE("all heads give the same samples", "[sampler]") {
  for (const Sampler& sampler : all_samplers) {
    const auto options = options_for(sampler, 20);
    const auto wanted = sample(oracle(Head::velocity), 50, 3, options).states;
    for (const Head head : all_heads) {
      INFO(sampler.name() << " " << to_string(head));
      // Rounding grows by 1 / alpha (2000 at the first step) on the way through the noise.
      CHECK(max_abs_difference(sample(oracle(head), 50, 3, options).states, wanted) < 1e-9);
    }
  }
}

TEST_CASE("options that give other states have another description", "[sampler]") {
  using Change = void (*)(SamplerOptions&);
  const Change any[] = {
      [](SamplerOptions& o) { o.steps = 11; },
      [](SamplerOptions& o) { o.spacing = Spacing::uniform; },
      [](SamplerOptions& o) { o.timesteps = {1000, 700, 300, 100, 20, 0}; },
      [](SamplerOptions& o) { o.clip = 0.5; },
      [](SamplerOptions& o) { o.final_alpha_bar = 0.99999; },
  };
  const auto check = [](const SamplerOptions& before, Change change) {
    SamplerOptions after = before;
    change(after);
    INFO(describe(before) << " -> " << describe(after));
    const auto model = oracle(Head::velocity);
    CHECK(max_abs_difference(sample(model, 4, 3, before).states,
                             sample(model, 4, 3, after).states) > 1e-6);
    CHECK(describe(before) != describe(after));
  };
  for (const Sampler& sampler : all_samplers)
    for (const Change change : any) check(options_for(sampler, 10), change);
  check(options_for(ddpm_sampler(), 10),
        [](SamplerOptions& o) { o.sampler = ddpm_sampler({DdpmVariance::fixed_large}); });
  check(options_for(ddim_sampler(), 10),
        [](SamplerOptions& o) { o.sampler = ddim_sampler({.eta = 0.5}); });
  check(options_for(dpm_solver_sampler({.order = 3}), 30), [](SamplerOptions& o) {
    o.sampler = dpm_solver_sampler({.order = 3, .lower_order_final = false});
  });
  check(options_for(dpm_solver_sampler(), 10),
        [](SamplerOptions& o) { o.sampler = dpm_solver_sampler({.largest_step_ratio = 1}); });
  check(options_for(dpm_solver_sampler(), 10),
        [](SamplerOptions& o) { o.sampler = dpm_solver_sampler({.temper_long_steps = false}); });
  check(options_for(dpm_solver_sampler({.order = 3}), 10), [](SamplerOptions& o) {
    o.sampler = dpm_solver_sampler({.order = 3, .temper_long_steps = false});
  });
  check(options_for(heun_sampler(), 10, Spacing::karras), [](SamplerOptions& o) { o.rho = 4; });
  check(options_for(dpm_solver_sampler(), 30),
        [](SamplerOptions& o) { o.sampler = dpm_solver_sampler({.order = 3}); });
}

TEST_CASE("evaluations and progress are counted", "[sampler]") {
  const auto model = oracle(Head::velocity);
  for (const Sampler& sampler : all_samplers) {
    auto options = options_for(sampler, 12, Spacing::karras);
    int calls = 0;
    options.progress = [&](int done, int steps) {
      CHECK(done == ++calls);
      CHECK(steps == 12);
    };
    const auto out = sample(model, 4, 3, options);
    CHECK(out.network_evaluations == (sampler.name() == "heun" ? 23 : 12));
    CHECK(calls == 12);
  }
}

TEMPLATE_TEST_CASE("a row depends on its number alone", "[sampler]", float, double) {
  const auto model = oracle<TestType>(Head::velocity);
  for (const Sampler& sampler : all_samplers) {
    auto options = options_for(sampler, 10);
    constexpr std::size_t rows = 7001, cut = 2003;  // more than one tile of noise
    const auto whole = sample(model, rows, 3, options).states;
    CHECK(identical(whole, sample(model, rows, 3, options).states));
    const std::size_t threads = thread_count();
    set_thread_count(3);
    CHECK(identical(whole, sample(model, rows, 3, options).states));
    set_thread_count(threads);
    const auto head = sample(model, cut, 3, options).states;
    options.first_row = cut;
    const auto tail = sample(model, rows - cut, 3, options).states;
    bool same = true;
    for (std::size_t i = 0; i < whole.size(); ++i)
      same = same && whole[i] == (i < cut * 3 ? head[i] : tail[i - cut * 3]);
    CHECK(same);
    options.random.seed = 43;
    CHECK_FALSE(identical(tail, sample(model, rows - cut, 3, options).states));
  }
}

TEST_CASE("a schedule without signal at its end can be sampled with a velocity head", "[sampler]") {
  auto betas = NoiseSchedule::cosine(200).betas();
  betas.back() = 1;
  const auto schedule = NoiseSchedule::from_betas(betas);
  for (const Sampler& sampler : all_samplers)
    for (const Head head : {Head::velocity, Head::state}) {
      INFO(sampler.name());
      CHECK(moment_error(
                sample(oracle(head, schedule), 10000, 3, options_for(sampler, 200)).states) < 0.06);
    }
  CHECK_THROWS_AS(oracle(Head::noise, schedule), ArgumentError);
  auto model = oracle(Head::velocity, schedule);
  model.head = Head::score;
  CHECK_THROWS_AS(sample(model, 2, 3), ArgumentError);
}

TEST_CASE("clipping bounds the states and is off by default", "[sampler]") {
  const auto model = oracle(Head::velocity);
  auto options = options_for(ddim_sampler(), 10);
  double largest = 0;
  for (const double x : sample(model, 500, 3, options).states)
    largest = std::max(largest, std::abs(x));
  CHECK(largest > 1.5);
  options.clip = 1;
  for (const double x : sample(model, 500, 3, options).states) CHECK(std::abs(x) <= 1);
}

TEST_CASE("no rows are no samples", "[sampler]") {
  const auto out = sample(oracle(Head::velocity), 0, 3, options_for(ddpm_sampler(), 5));
  CHECK(out.states.shape() == Shape{0, 3});
}

TEST_CASE("no two steps or rows of the longest schedule share noise", "[sampler]") {
  std::vector<double> draws;
  StepOptions options;
  for (const int t : {0, 1, (1 << 14) + 1, (1 << 15) + 1, (1 << 20) - 1})
    for (const std::uint64_t row :
         {std::uint64_t{0}, std::uint64_t{1}, (std::uint64_t{1} << 37) - 1}) {
      auto z = Tensor<double>::zeros({1, 1});
      options.first_row = row;
      add_noise(z, 1, t, options);
      draws.push_back(z[0]);
    }
  std::sort(draws.begin(), draws.end());
  CHECK(std::adjacent_find(draws.begin(), draws.end()) == draws.end());
  auto z = Tensor<double>::zeros({1, 1});
  CHECK_THROWS_AS(add_noise(z, 1, -1, options), ArgumentError);
  CHECK_THROWS_AS(add_noise(z, 1, 1 << 20, options), ArgumentError);
}

TEST_CASE("a reverse process made of temporaries keeps what it needs", "[sampler]") {
  const ReverseProcess<double> process(oracle(Head::velocity), {1000, 500, 0}, {});
  const auto z = Tensor<double>::ones({2, 3});
  CHECK(process.steps() == 2);
  CHECK(process.level(1).t == 500);
  CHECK(process.predict(z, process.level(0)).state.shape() == Shape{2, 3});
}

TEST_CASE("samplers refuse what makes no sense", "[sampler]") {
  const auto model = oracle(Head::velocity);
  const auto refused = [&](auto change) {
    SamplerOptions options;
    change(options);
    CHECK_THROWS_AS(sample(model, 2, 3, options), ArgumentError);
  };
  refused([](auto& o) { o.steps = 0; });
  refused([](auto& o) { o.steps = -3; });
  refused([](auto& o) { o.steps = 1001; });
  refused([](auto& o) { o.timesteps = {1000, 500, 500, 0}; });
  refused([](auto& o) { o.timesteps = {1000, 500, 1}; });
  refused([](auto& o) { o.sampler = ddim_sampler({.eta = 1.5}); });
  refused([](auto& o) { o.sampler = ddim_sampler({.eta = std::nan("")}); });
  refused([](auto& o) { o.sampler = dpm_solver_sampler({.order = 4}); });
  refused([](auto& o) { o.clip = -1; });
  refused([](auto& o) { o.sampler = dpm_solver_sampler({.largest_step_ratio = 0.5}); });
  refused([](auto& o) { o.final_alpha_bar = 0; });
  refused([](auto& o) { o.final_alpha_bar = 1.5; });
  refused([](auto& o) { o.first_row = std::uint64_t{1} << 37; });
  CHECK_THROWS_AS(sample(model, 2, 0), ArgumentError);
  CHECK_THROWS_AS(sample(model, 2, 4), ShapeError);  // the oracle has three components
  for (const Sampler& sampler : all_samplers)
    CHECK(Choice(samplers(), "sampler", "", sampler.name()).make().settings() ==
          sampler.settings());
  CHECK_THROWS_AS(Choice(samplers(), "sampler", "", "euler"), ArgumentError);

  auto broken = model;
  broken.denoiser = nullptr;
  CHECK_THROWS_AS(sample(broken, 2, 3), ArgumentError);
  broken.denoiser = [](const Tensor<double>& z, int) {
    return Tensor<double>::full(z.shape(), std::numeric_limits<double>::quiet_NaN());
  };
  CHECK_THROWS_AS(sample(broken, 2, 3), NumericalError);
  broken.denoiser = [](const Tensor<double>&, int) { return Tensor<double>::ones({1, 3}); };
  CHECK_THROWS_AS(sample(broken, 2, 3), ShapeError);
}

TEST_CASE("a sampler of one's own is chosen by name and lists its options", "[sampler][registry]") {
  SamplerRegistry registry = samplers();
  registry.add<ShrinkOptions>("shrink", [](const ShrinkOptions& own) {
    return Sampler("shrink", Spacing::uniform,
                   [own](const auto& model, const auto& timesteps, auto z, const auto& options) {
                     const ReverseProcess process(model, timesteps, options);
                     return process.run(std::move(z), [&](auto& x, const NoiseLevel& from,
                                                          const NoiseLevel& to, int) {
                       const auto [state, noise] = process.predict(x, from);
                       x = combine(own.share * to.alpha, state, to.sigma, noise);
                     });
                   });
  });
  SamplerChoice choice;
  choice.sampler = Choice(registry, "sampler", "", "shrink");
  std::vector<Option> list;
  append_options(list, choice);
  const auto share =
      std::find_if(list.begin(), list.end(), [](const Option& o) { return o.name == "share"; });
  REQUIRE(share != list.end());
  CHECK(share->use == "--sampler shrink");
  const auto model = oracle<double>(Head::velocity);
  // With all of the state it is DDIM; without, nothing is left at the end.
  SamplerOptions options = choice.make();
  options.random = {42, 7};
  CHECK(max_abs_difference(
            sample(model, 5, 3, options).states,
            sample(model, 5, 3, options_for(ddim_sampler(), 50, Spacing::uniform)).states) < 1e-12);
  share->assign({"0"});
  for (const double x : sample(model, 5, 3, choice.make()).states) CHECK(x == 0);
}
