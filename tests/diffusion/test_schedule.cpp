// Schedules and heads: golden numbers of the paper's settings, and the algebra between heads.
#include <cmath>
#include <limits>

#include "catch.hpp"
#include "papillon/diffusion/head.hpp"
#include "papillon/diffusion/schedule.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/random.hpp"

using namespace papillon;

namespace {

bool near(double value, double wanted, double relative) {
  return std::abs(value - wanted) <= relative * std::abs(wanted);
}

constexpr Head all_heads[] = {Head::noise, Head::state, Head::velocity, Head::score};

}  // namespace

TEST_CASE("the cosine and linear schedules have the paper's numbers", "[schedule]") {
  const auto cosine = NoiseSchedule::cosine();
  CHECK(cosine.steps() == 1000);
  // The digits given are all right: half a unit of the last one.
  CHECK(near(cosine.beta(1), 4.128422e-5, 2e-7));
  CHECK(near(cosine.alpha_bar(250), 0.847012161, 1e-9));
  CHECK(near(cosine.alpha_bar(500), 0.493843590, 2e-9));
  CHECK(near(cosine.alpha_bar(750), 0.144272102, 4e-9));
  CHECK(near(cosine.alpha_bar(999), 2.428767e-6, 3e-7));
  CHECK(near(cosine.alpha_bar(1000), 2.428767e-7, 3e-7));
  CHECK(cosine.beta(1000) == 0.9);
  CHECK(cosine.alpha_bar(0) == 1);
  CHECK(cosine.sigma(0) == 0);
  CHECK(cosine.lambda(0) == std::numeric_limits<double>::infinity());
  const auto linear = NoiseSchedule::linear();
  CHECK(near(linear.alpha_bar(1000), 2.4973e-7, 3e-5));
  CHECK(linear.beta(1) == 1e-4);
  CHECK(linear.beta(1000) == 0.03);
  CHECK_FALSE(cosine.zero_terminal_snr());
}

TEST_CASE("alpha and sigma are a rotation, and lambda inverts to its step", "[schedule]") {
  for (const auto& s : {NoiseSchedule::cosine(), NoiseSchedule::linear(300)}) {
    for (int t = 1; t <= s.steps(); ++t) {
      CHECK(near(s.alpha(t) * s.alpha(t) + s.sigma(t) * s.sigma(t), 1, 1e-14));
      CHECK(s.lambda(t) < s.lambda(t - 1));
      CHECK(std::abs(s.step_at_lambda(s.lambda(t)) - t) < 1e-9);
    }
    CHECK(s.step_at_lambda(100) == 1);
    CHECK(s.step_at_lambda(-100) == s.steps());
  }
  // sigma_1 of a schedule so fine that 1 - alpha_bar would have lost half its digits.
  const auto fine = NoiseSchedule::from_betas({1e-12, 0.5});
  CHECK(near(fine.sigma(1), 1e-6, 1e-14));
}

TEST_CASE("schedules refuse what is none", "[schedule]") {
  CHECK_THROWS_AS(NoiseSchedule::cosine(0), ArgumentError);
  CHECK_THROWS_AS(NoiseSchedule::cosine(-5), ArgumentError);
  CHECK_THROWS_AS(NoiseSchedule::linear(1 << 20), ArgumentError);
  CHECK_THROWS_AS(NoiseSchedule::linear(10, -0.1, 0.2), ArgumentError);
  CHECK_THROWS_AS(NoiseSchedule::from_betas({}), ArgumentError);
  CHECK_THROWS_AS(NoiseSchedule::from_betas({0.1, 0.0}), ArgumentError);
  CHECK_THROWS_AS(NoiseSchedule::from_betas({1.0, 0.1}), ArgumentError);
  CHECK_THROWS_AS(NoiseSchedule::from_betas({0.1, std::nan("")}), ArgumentError);
  CHECK_THROWS_AS(NoiseSchedule::parse("sigmoid"), ArgumentError);
  const auto s = NoiseSchedule::parse("cosine", 100);
  CHECK_THROWS_AS(s.alpha_bar(-1), ArgumentError);
  CHECK_THROWS_AS(s.alpha_bar(101), ArgumentError);
  CHECK_THROWS_AS(s.beta(0), ArgumentError);
  CHECK(NoiseSchedule::from_betas({0.1, 1.0}).zero_terminal_snr());
}

TEST_CASE("state and noise follow from the target of every head", "[head]") {
  const auto x = random_normal<double>({20, 3}, {1, 0});
  const auto e = random_normal<double>({20, 3}, {1, 1});
  const auto schedule = NoiseSchedule::cosine();
  for (const Head head : all_heads)
    for (const int t : {1, 40, 500, 999}) {
      const double alpha = schedule.alpha(t), sigma = schedule.sigma(t);
      const auto target = target_coefficients(head, alpha, sigma);
      Tensor<double> z(x.shape()), p(x.shape());
      for (std::size_t i = 0; i < x.size(); ++i) {
        z[i] = alpha * x[i] + sigma * e[i];
        p[i] = target.eps * e[i] + target.x * x[i];
      }
      const auto back = recover(head, alpha, sigma, z, p);
      // Rounding of z grows by 1 / alpha or 1 / sigma.
      const double tolerance = 1e-14 / std::min(alpha, sigma);
      CHECK(max_abs_difference(back.state, x) < tolerance);
      CHECK(max_abs_difference(back.noise, e) < tolerance);
    }
  CHECK(target_coefficients(Head::score, 0.6, 0.8).eps == -1.25);
  CHECK(target_coefficients(Head::velocity, 0.6, 0.8).x == -0.8);
}

TEST_CASE("heads have names, and are refused where nothing follows from them", "[head]") {
  for (const Head head : all_heads) CHECK(parse_enum<Head>(to_string(head), "head") == head);
  CHECK_THROWS_AS(parse_enum<Head>("epsilon", "head"), ArgumentError);
  CHECK_THROWS_AS(recovery_coefficients(Head::noise, 0, 1), ArgumentError);
  CHECK_THROWS_AS(recovery_coefficients(Head::score, 0, 1), ArgumentError);
  CHECK_THROWS_AS(recovery_coefficients(Head::state, 1, 0), ArgumentError);
  CHECK_THROWS_AS(target_coefficients(Head::score, 1, 0), ArgumentError);
  const Tensor<float> a(Shape{2, 3}), b(Shape{3, 2});
  CHECK_THROWS_AS(recover(Head::noise, 0.6, 0.8, a, b), ShapeError);
  const auto zero = NoiseSchedule::from_betas({0.5, 1.0});
  CHECK_THROWS_AS(check_head(Head::noise, zero), ArgumentError);
  CHECK_THROWS_AS(check_head(Head::score, zero), ArgumentError);
  CHECK_NOTHROW(check_head(Head::velocity, zero));
  CHECK_NOTHROW(check_head(Head::state, zero));
  CHECK_NOTHROW(check_head(Head::noise, NoiseSchedule::cosine()));
}
