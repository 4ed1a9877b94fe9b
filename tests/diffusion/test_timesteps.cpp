// Timestep lists: the paper's formula, and that no spacing ever repeats a step.
#include <algorithm>
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "papillon/diffusion/timesteps.hpp"
#include "papillon/tensor/errors.hpp"

using namespace papillon;

namespace {

constexpr Spacing all_spacings[] = {Spacing::uniform, Spacing::leading, Spacing::trailing,
                                    Spacing::log_snr, Spacing::karras};

}  // namespace

TEST_CASE("each spacing gives as many different steps as asked, down to 0", "[timesteps]") {
  for (const auto& schedule :
       {NoiseSchedule::cosine(), NoiseSchedule::linear(), NoiseSchedule::cosine(7),
        NoiseSchedule::from_betas({0.3, 1.0}), NoiseSchedule::from_betas({0.4})})
    for (const Spacing spacing : all_spacings)
      for (const int n : {1, 2, 3, 7, 10, 50, 99, 333, 999, 1000}) {
        if (n > schedule.steps()) continue;
        const auto list = make_timesteps(spacing, schedule, n);
        INFO(to_string(spacing) << " " << n << " of " << schedule.steps());
        CHECK(list.size() == static_cast<std::size_t>(n) + 1);
        CHECK_NOTHROW(check_timesteps(list, schedule, true));
        if (spacing != Spacing::leading) CHECK(list.front() == schedule.steps());
        if (n == schedule.steps()) CHECK(list[1] == schedule.steps() - 1);
      }
}

TEST_CASE("uniform, leading and trailing lists are those of their formulas", "[timesteps]") {
  const auto s = NoiseSchedule::cosine();
  using List = std::vector<int>;
  CHECK(make_timesteps(Spacing::uniform, s, 4) == List{1000, 750, 500, 250, 0});
  CHECK(make_timesteps(Spacing::uniform, s, 3) == List{1000, 667, 333, 0});
  CHECK(make_timesteps(Spacing::trailing, s, 3) == List{1000, 667, 333, 0});
  CHECK(make_timesteps(Spacing::leading, s, 3) == List{667, 334, 1, 0});
  // Step 13 of 100, as the paper starts its ensembles.
  const auto partial = last_steps(make_timesteps(Spacing::uniform, s, 100), 13);
  CHECK(partial.size() == 14);
  CHECK(partial.front() == 130);
  CHECK(partial.back() == 0);
}

TEST_CASE("log-SNR and Karras lists are even in their variable where the steps allow",
          "[timesteps]") {
  const auto s = NoiseSchedule::cosine(100000);
  const int n = 40;
  const double first = s.lambda(s.steps()), last = s.lambda(1);
  const auto log_snr = make_timesteps(Spacing::log_snr, s, n);
  const auto karras = make_timesteps(Spacing::karras, s, n);
  CHECK(log_snr[n - 1] == 1);
  CHECK(karras[n - 1] == 1);
  const auto root = [](double lambda) { return std::exp(-lambda / 7); };
  for (int i = 0; i < n; ++i) {
    const double f = static_cast<double>(i) / (n - 1);
    // Rounding t moves lambda by at most half a step; the middle of the list has room for that.
    const int t = log_snr[static_cast<std::size_t>(i)], k = karras[static_cast<std::size_t>(i)];
    if (t > 1000 && t < 99000) CHECK(std::abs(s.lambda(t) - first - f * (last - first)) < 1e-2);
    if (k > 1000 && k < 99000)
      CHECK(std::abs(root(s.lambda(k)) - root(first) - f * (root(last) - root(first))) < 1e-2);
  }
}

TEST_CASE("lists that do not descend to 0 within the schedule are refused", "[timesteps]") {
  const auto s = NoiseSchedule::cosine(100);
  CHECK_THROWS_AS(check_timesteps({}, s, true), ArgumentError);
  CHECK_THROWS_AS(check_timesteps({50}, s, true), ArgumentError);
  CHECK_THROWS_AS(check_timesteps({50, 20, 20, 0}, s, true), ArgumentError);
  CHECK_THROWS_AS(check_timesteps({20, 50, 0}, s, true), ArgumentError);
  CHECK_THROWS_AS(check_timesteps({101, 0}, s, true), ArgumentError);
  CHECK_THROWS_AS(check_timesteps({50, -1}, s, true), ArgumentError);
  CHECK_THROWS_AS(check_timesteps({50, 1}, s, true), ArgumentError);
  CHECK_NOTHROW(check_timesteps({50, 1}, s, false));
  CHECK_THROWS_AS(make_timesteps(Spacing::uniform, s, 0), ArgumentError);
  CHECK_THROWS_AS(make_timesteps(Spacing::uniform, s, 101), ArgumentError);
  CHECK_THROWS_AS(make_timesteps(Spacing::karras, s, 10, -1), ArgumentError);
  CHECK_THROWS_AS(last_steps({100, 50, 0}, 0), ArgumentError);
  CHECK_THROWS_AS(last_steps({100, 50, 0}, 3), ArgumentError);
  CHECK_THROWS_AS(parse_enum<Spacing>("linspace", "spacing"), ArgumentError);
  for (const Spacing spacing : all_spacings)
    CHECK(parse_enum<Spacing>(to_string(spacing), "spacing") == spacing);
}
