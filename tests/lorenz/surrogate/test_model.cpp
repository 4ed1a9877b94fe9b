// Surrogates as differentiable models, in files, and networks trained from scratch.
#include <cmath>

#include "catch.hpp"
#include "corruptions.hpp"
#include "papillon/autograd/gradient.hpp"
#include "papillon/lorenz/surrogate/network_fit.hpp"
#include "papillon/lorenz/surrogate/rollout.hpp"
#include "papillon/lorenz/surrogate/training.hpp"
#include "papillon/tensor/elementwise.hpp"
#include "papillon/tensor/thread_pool.hpp"
#include "surrogate_example.hpp"
#include "temporary_folder.hpp"

using namespace papillon;
using papillon::test::attractor;
using papillon::test::fitted;
using papillon::test::scale;
using papillon::test::shift;
using papillon::test::small_network;

namespace {

const Tensor<float>& states() {
  static const Tensor<float> set = attractor(4, 2000, 1);
  return set;
}

ReadoutPtr random_mlp(std::size_t inputs) {
  return mlp_readout(
      Mlp<float>({inputs, 12, 3}, {5}),
      {random_normal<double>({inputs}, {6, 0}), random_uniform<double>({inputs}, {6, 1}, 0.5, 2)});
}

// One of each: features and readouts.
std::vector<Surrogate> all_kinds() {
  const FeaturesPtr network = network_features(small_network(1), {0, 400}),
                    random = random_fourier_features(3, {.count = 40, .width = 0.3, .seed = 9}),
                    monomials = polynomial_features(3, 4);
  std::vector<Surrogate> all;
  for (const FeaturesPtr& f : {network, random, monomials, identity_features(3),
                               concatenated_features({monomials, network, random,
                                                      network_features(small_network(2), {7})})})
    all.push_back(fitted(f, states()));
  all.emplace_back(network, random_mlp(network->size()), shift, scale, 0.1);
  all.emplace_back(identity_features(3), mlp_readout(Mlp<float>({3, 8, 9, 3}, {3})), shift, scale,
                   0.1);
  ResidualMlp<float> residual(3, 8, 2, 3, {4});
  for (auto& layer : residual.residual_layers) layer.gamma.mutable_value().fill(0.5f);
  all.emplace_back(identity_features(3), residual_readout(residual), shift, scale, 0.1);
  return all;
}

std::string name_of(const Surrogate& s) {
  return s.features().name() + ", " + s.readout().kind();
}

Tensor<double> some_states(std::size_t n) {
  Tensor<double> x(Shape{n, 3});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < 3; ++j) x(i, j) = static_cast<double>(states()[i * 21 + j]);
  return x;
}

double dot(const Tensor<double>& a, const Tensor<double>& b) {
  return sum(mul(a, b)).item();
}

}  // namespace

TEST_CASE("surrogate: the plain step and the differentiable one agree", "[surrogate]") {
  const Tensor<double> x = some_states(300);
  for (const Surrogate& s : all_kinds()) {
    CAPTURE(name_of(s));
    const Tensor<double> plain = s.step(x);
    const NoGrad guard;
    const Tensor<double> clear = s.step(Var<double>(x)).value();
    // Networks run in single precision in the plain step: 6e-8 of features of order 1, times
    // weights of some hundreds and the scale of 9; without networks, both are in double.
    const bool network =
        name_of(s).find("network") != std::string::npos || s.readout().kind() != "linear";
    CHECK(max_abs_difference(plain, clear) < (network ? 2e-3 : 1e-9));
    // A state in single precision is 2e-6 off, and so is its image.
    CHECK(max_abs_difference(cast<double>(s.step(cast<float>(x))), plain) < 1e-4);
    set_thread_count(1);
    CHECK(identical(s.step(x), plain));
    set_thread_count(0);
    CHECK_THROWS_AS(s.step(Tensor<float>::zeros({3, 2})), ShapeError);
    CHECK_THROWS_AS(s.step(Var<float>(Tensor<float>::zeros({3}))), ShapeError);
  }
}

TEST_CASE("surrogate: a state's step, features and roll-out have the same bits beside any others",
          "[surrogate]") {
  const Tensor<double> x = some_states(600);
  const auto part = [](const auto& t, std::size_t first, std::size_t n) {
    const std::size_t size = t.size() / t.extent(0);
    Shape shape = t.shape();
    shape[0] = n;
    return std::remove_cvref_t<decltype(t)>(shape, t.span().subspan(first * size, n * size));
  };
  for (const Surrogate& s : all_kinds()) {
    CAPTURE(name_of(s));
    const NoGrad guard;
    const Tensor<float> single = cast<float>(x);
    const Tensor<double> next = s.step(x), clear = s.step(Var<double>(x)).value();
    const Rollout run = rollout(s, single, 3);
    const Tensor<double> values = evaluate(s.features(), single);
    for (const std::size_t n : {1, 2, 7, 255, 256, 257})
      for (std::size_t first = 0; first + n <= 600; first += n < 255 ? 41 : n) {
        REQUIRE(identical(s.step(part(x, first, n)), part(next, first, n)));
        REQUIRE(identical(s.step(Var<double>(part(x, first, n))).value(), part(clear, first, n)));
        REQUIRE(
            identical(rollout(s, part(single, first, n), 3).states, part(run.states, first, n)));
        REQUIRE(identical(evaluate(s.features(), part(single, first, n)), part(values, first, n)));
      }
    if (s.readout().kind() == "linear") continue;
    const FeatureMap hidden = hidden_features(s);
    const Tensor<double> all = hidden(single);
    for (const std::size_t n : {1, 7, 257})
      CHECK(identical(hidden(part(single, 300, n)), part(all, 300, n)));
  }
}

TEST_CASE("surrogate: the dot-product test of tangent-linear model and adjoint", "[surrogate]") {
  const Tensor<double> x = some_states(20), v = random_normal<double>({20, 3}, {1, 0}),
                       w = random_normal<double>({20, 3}, {2, 0});
  for (const Surrogate& s : all_kinds()) {
    CAPTURE(name_of(s));
    const Var<double> in = Var<double>::parameter(x);
    const Var<double> out = s.step(s.step(in));  // two steps: through the chain, too
    const double left = dot(w, jvp(out, {in}, {Var<double>(v)}).value()),
                 right = dot(v, vjp(out, {in}, Var<double>(w)).front().value());
    CHECK(left == Approx(right).epsilon(1e-10));
  }
}

TEST_CASE("surrogate: the Taylor test of the tangent-linear model", "[surrogate]") {
  const Tensor<double> x = some_states(20), v = random_normal<double>({20, 3}, {3, 0});
  const auto remainder = [&](const Surrogate& s, double h) {
    const Var<double> in = Var<double>::parameter(x);
    const Var<double> out = s.step(in);
    const Tensor<double> tangent = jvp(out, {in}, {Var<double>(v)}).value();
    Tensor<double> moved = x, expected = out.value();
    axpy(h, v, moved);
    axpy(h, tangent, expected);
    const NoGrad guard;
    return max_abs_difference(s.step(Var<double>(moved)).value(), expected);
  };
  for (const Surrogate& s : all_kinds()) {
    CAPTURE(name_of(s));
    // |f(x + h v) - f(x) - h f'(x) v| falls as h^2 (where ReLUs kink, not faster than h, but kinks
    // are rarely crossed); for linear surrogates it is rounding alone.
    const double large = remainder(s, 1e-2), small = remainder(s, 1e-3);
    const bool kinks =
        s.features().name().find("network") != std::string::npos || s.readout().kind() != "linear";
    if (s.features().kind() == "identity" && s.readout().kind() == "linear")
      CHECK(large < 1e-12);
    else
      CHECK(small < std::max(1e-12, large * (kinks ? 0.1 : 0.02)));
  }
}

TEST_CASE("surrogate: a file gives back the same bits", "[surrogate]") {
  const TemporaryFolder folder;
  const Tensor<double> x = some_states(50);
  for (Surrogate s : all_kinds()) {
    CAPTURE(name_of(s));
    s.training["note"] = "a test";
    save_surrogate(folder / "s.safetensors", s);
    const Surrogate read = load_surrogate(folder / "s.safetensors");
    CHECK(read.training == s.training);
    CHECK(name_of(read) == name_of(s));
    CHECK(read.time_step() == s.time_step());
    CHECK(identical(read.step(x), s.step(x)));
    const NoGrad guard;
    CHECK(identical(read.step(Var<double>(x)).value(), s.step(Var<double>(x)).value()));
    save_surrogate(folder / "again.safetensors", read);
    CHECK(file_contents(folder / "again.safetensors") == file_contents(folder / "s.safetensors"));
  }
}

TEST_CASE("surrogate: malformed files are refused, with their name", "[surrogate]") {
  const TemporaryFolder folder;
  const auto path = folder / "s.safetensors";
  const auto refused = [&](SafetensorsFile file, const std::string& why) {
    write_safetensors(path, file);
    CHECK_THROWS_AS(load_surrogate(path), InputError);
    CHECK_THROWS_WITH(load_surrogate(path), contains_text("s.safetensors") && contains_text(why));
  };
  save_surrogate(path, all_kinds()[4]);
  const SafetensorsFile good = read_safetensors(path);
  const auto with = [&](const char* key, const char* value) {
    SafetensorsFile file = good;
    file.metadata[key] = value;
    return file;
  };
  SafetensorsFile file = good;
  file.metadata.erase("features");
  refused(file, "'features' is missing");
  refused(with("format", "papillon-diffusion-model"), "papillon-surrogate is needed");
  refused(with("features", "{"), "kind ''");
  refused(with("features", "{\"kind\":\"sorcery\"}"), "sorcery");
  refused(with("features", "{\"kind\":\"polynomials\",\"degree\":\"x\"}"), "degree");
  refused(with("features", "{\"kind\":\"polynomials\",\"degree\":4}"), "malformed");
  refused(with("features", "{\"kind\":\"identity\"}"), "do not fit");
  refused(with("readout", "cubic"), "cubic");
  refused(with("shift", "[1, 2]"), "of 2 and 3 components");
  refused(with("scale", "[1, 2, 0]"), "scale > 0");
  refused(with("time_step", "[]"), "time_step");
  file = good;
  file.entries.erase(file.entries.begin());
  write_safetensors(path, file);
  CHECK_THROWS_AS(load_surrogate(path), InputError);
  file = good;
  file.entries.push_back({"steps", "I64", Shape{1}, std::vector<std::byte>(8)});
  write_safetensors(path, file);
  CHECK_NOTHROW(load_surrogate(path));
}

TEST_CASE("surrogate: every entry of a file is looked at before it is believed", "[surrogate]") {
  const TemporaryFolder folder;
  const auto path = folder / "s.safetensors";
  const auto lists = [](std::vector<std::string> more) {
    more.insert(more.end(), testing::no_numbers.begin(), testing::no_numbers.end());
    return more;
  };
  for (const Surrogate& s : all_kinds()) {
    CAPTURE(name_of(s));
    save_surrogate(path, s);
    testing::check_corruptions(
        path, [&] { load_surrogate(path); },
        {{"format", {"", "papillon-diffusion-model"}},
         {"features", {"", "[]", "{}", "null", "{\"kind\": 3}", "{\"kind\": \"identity\""}},
         {"readout", {"", "cubic", "Linear"}},
         {"shift", lists({"[1]", "[1, 2, 3, 4]"})},
         {"scale", lists({"[1]", "[1, 1, 0]", "[1, -1, 1]"})},
         {"time_step", lists({"[0]", "[-0.1]", "[0.1, 0.2]"})}});
  }
  // Settings of features; and sizes that would not fit into memory.
  const auto refused = [&](const std::string& features) {
    CAPTURE(features);
    SafetensorsFile file = read_safetensors(path);
    file.metadata["features"] = features;
    write_safetensors(path, file);
    CHECK_THROWS_AS(load_surrogate(path), InputError);
  };
  for (const std::string& count : testing::no_integers)
    refused(R"({"kind":"random_fourier","count":")" + count + R"(","width":"1","seed":"1"})");
  for (const char* count : {"0", "3", "4000000000000000000"})
    refused(std::string(R"({"kind":"random_fourier","count":")") + count +
            R"(","width":"1","seed":"1"})");
  for (const char* width : {"", "0", "-1", "nan", "inf", "1,5", "1x"})
    refused(std::string(R"({"kind":"random_fourier","count":"4","width":")") + width +
            R"(","seed":"1"})");
  for (const char* degree : {"0", "-1", "1e3", "18446744073709551615"})
    refused(std::string(R"({"kind":"polynomials","degree":")") + degree + "\"}");
  std::string nested = R"({"kind":"identity"})";
  for (int i = 0; i < 2000; ++i) nested = R"({"kind":"concatenation","parts":[)" + nested + "]}";
  refused(nested);
}

namespace {

// Learns y = (x0 x1, x0 - x2 / 2, |x1|) from `samples` rows.
double trained_loss(const Mlp<float>& network, std::size_t samples, TrainingOptions o) {
  const Tensor<float> x = random_uniform<float>({samples, 3}, {1, 0}, -1, 1);
  return train(
             {[&](const Var<float>& in) { return network(in); }, parameters(network), 3, 3},
             samples,
             [&](const std::uint64_t* rows, std::size_t n, float* in, float* out) {
               for (std::size_t i = 0; i < n; ++i) {
                 const float* r = x.data() + rows[i] * 3;
                 std::copy_n(r, 3, in + i * 3);
                 out[i * 3] = r[0] * r[1];
                 out[i * 3 + 1] = r[0] - r[2] / 2;
                 out[i * 3 + 2] = std::abs(r[1]);
               }
             },
             o)
      .loss;
}

}  // namespace

TEST_CASE("training: a function is learned; threads and tiles do not matter", "[surrogate]") {
  TrainingOptions o{.seed = 1,
                    .total_samples = 300'000,
                    .batch_size = 500,
                    .learning_rate = 5e-3,
                    .final_learning_rate = 1e-5,
                    .tile_rows = 64};
  Mlp<float> a({3, 32, 32, 3}, {2}), b({3, 32, 32, 3}, {2}), c({3, 32, 32, 3}, {2});
  CHECK(trained_loss(a, 4000, o) < 1e-3);  // the targets have a variance of about 0.2
  set_thread_count(1);
  trained_loss(b, 4000, o);
  set_thread_count(0);
  for (std::size_t p = 0; p < parameters(a).size(); ++p)
    CHECK(identical(parameters(a)[p].value(), parameters(b)[p].value()));
  // Another order of the samples is another path.
  o.seed = 2;
  trained_loss(c, 4000, o);
  CHECK(!identical(parameters(a)[0].value(), parameters(c)[0].value()));
}

TEST_CASE("training: one step is the gradient of the whole batch", "[surrogate]") {
  // Adam's first step moves each parameter by the learning rate against the sign of its gradient.
  const Mlp<float> network({3, 6, 3}, {3});
  std::vector<Tensor<float>> before;
  for (const auto& p : parameters(network)) before.push_back(p.value());
  const Tensor<float> x = random_normal<float>({200, 3}, {1, 0}),
                      y = random_normal<float>({200, 3}, {1, 1});
  const auto gradients =
      gradient(mse_loss(network(Var<float>(x)), Var<float>(y)), parameters(network));
  const TrainingReport report = train(
      {[&](const Var<float>& in) { return network(in); }, parameters(network), 3, 3}, 200,
      [&](const std::uint64_t* rows, std::size_t n, float* in, float* out) {
        for (std::size_t i = 0; i < n; ++i) {
          std::copy_n(x.data() + rows[i] * 3, 3, in + i * 3);
          std::copy_n(y.data() + rows[i] * 3, 3, out + i * 3);
        }
      },
      {.total_samples = 200, .learning_rate = 1e-3, .final_learning_rate = 1e-3, .tile_rows = 32});
  CHECK(report.step == 1);
  for (std::size_t p = 0; p < before.size(); ++p)
    for (std::size_t i = 0; i < before[p].size(); ++i) {
      const float g = gradients[p].value()[i],
                  moved = parameters(network)[p].value()[i] - before[p][i];
      if (std::abs(g) > 1e-4f) CHECK(moved == Approx(g > 0 ? -1e-3 : 1e-3).epsilon(1e-2));
    }
  const RegressionNetwork nothing{[](const Var<float>& in) { return in; }, {}, 3, 3};
  CHECK_THROWS_AS(train(nothing, 0, {}, {.total_samples = 1}), ArgumentError);
  CHECK_THROWS_AS(train(nothing, 1, {}, {.total_samples = 1, .learning_rate = 0}), ArgumentError);
}

TEST_CASE("residual network: starts as its linear part; shapes and names", "[surrogate]") {
  const ResidualMlp<float> network(3, 8, 2, 3, {1});
  CHECK(count_parameters(network) == (3 + 1) * 8 + 2 * (2 * 8 + 2 * 72 + 8) + 9 * 3);
  CHECK(state_dict<float>(network)[2].first == "residual_layers.0.norm.weight");
  const Var<float> x(random_normal<float>({5, 3}, {2, 0}));
  const NoGrad guard;
  CHECK(max_abs_difference(network(x).value(),
                           network.output_head(network.input_projection(x)).value()) < 1e-4f);
}
