// The layers against their formulas, written out in double.
#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "papillon/nn/film.hpp"
#include "papillon/nn/layer_norm.hpp"
#include "papillon/nn/mlp.hpp"
#include "papillon/nn/residual_block.hpp"
#include "papillon/nn/residual_film_mlp.hpp"
#include "papillon/nn/residual_mlp.hpp"
#include "papillon/nn/sequential.hpp"
#include "papillon/nn/state_dict.hpp"
#include "papillon/nn/time_embedding.hpp"
#include "papillon/tensor/elementwise.hpp"

using namespace papillon;

TEST_CASE("a linear layer starts uniform in +-1/sqrt(in)") {
  const std::size_t in = 200, out = 300;
  const Linear<float> layer(in, out, {7, 3});
  CHECK(layer.weight.shape() == Shape{out, in});
  CHECK(layer.bias.shape() == Shape{out});
  const double bound = 1 / std::sqrt(200.0);
  double mean = 0, square = 0, largest = 0;
  for (const float w : layer.weight.value()) {
    mean += w;
    square += static_cast<double>(w) * static_cast<double>(w);
    largest = std::max(largest, static_cast<double>(std::abs(w)));
  }
  const double n = static_cast<double>(in * out);
  CHECK(largest <= bound * (1 + 1e-6));
  CHECK(largest > 0.999 * bound);
  // Variance of the uniform law: bound^2 / 3. Five standard errors of the mean and of the variance
  // (that of x^2 is 4/45 bound^4).
  CHECK(std::abs(mean / n) < 5 * bound / std::sqrt(3 * n));
  CHECK(std::abs(square / n - bound * bound / 3) < 5 * bound * bound * std::sqrt(4 / (45 * n)));
  for (const float b : layer.bias.value())
    CHECK(std::abs(static_cast<double>(b)) <= bound * (1 + 1e-6));
  CHECK(identical(layer.weight.value(), Linear<float>(in, out, {7, 3}).weight.value()));
  CHECK_FALSE(identical(layer.weight.value(), Linear<float>(in, out, {8, 3}).weight.value()));
  CHECK_FALSE(identical(layer.weight.value(), Linear<float>(in, out, {7, 4}).weight.value()));
  CHECK_THROWS_AS(Linear<float>(0, 3, {1, 1}), ArgumentError);
}

TEST_CASE("a linear layer computes x W^T + b") {
  Linear<double> layer(2, 3, {1, 1});
  layer.weight.mutable_value() = Tensor<double>::matrix({{1, 2}, {3, 4}, {5, 6}});
  layer.bias.mutable_value() = Tensor<double>::vector({10, 20, 30});
  const auto y = layer(Var<double>(Tensor<double>::matrix({{1, -1}, {0, 2}})));
  CHECK(identical(y.value(), Tensor<double>::matrix({{9, 19, 29}, {14, 28, 42}})));
  CHECK_THROWS_AS(layer(Var<double>(Tensor<double>::ones({2, 3}))), ShapeError);
}

TEMPLATE_TEST_CASE("layer normalisation leaves mean 0 and variance var / (var + eps)", "", float,
                   double) {
  using T = TestType;
  const auto x = add_scalar(mul_scalar(random_normal<T>({5, 64}, {3, 1}), T(4)), T(100));
  const auto y = LayerNorm<T>()(Var<T>(x)).value();
  for (std::size_t i = 0; i < 5; ++i) {
    double mean = 0, square = 0;
    for (std::size_t j = 0; j < 64; ++j) mean += static_cast<double>(y(i, j)) / 64;
    for (std::size_t j = 0; j < 64; ++j) square += static_cast<double>(y(i, j) * y(i, j)) / 64;
    CHECK(std::abs(mean) < 1e-5);  // inputs of 100 in float have errors of 1e-5 themselves
    CHECK(square == Approx(1).epsilon(1e-5));
  }
  // Shifted and scaled inputs give the same.
  const auto z = LayerNorm<T>()(Var<T>(add_scalar(mul_scalar(x, T(2)), T(-7)))).value();
  CHECK(max_abs_difference(y, z) < T(2e-4));
  CHECK(parameters(LayerNorm<T>()).empty());
}

TEST_CASE("the affine layer normalisation starts as the plain one, then scales and shifts") {
  const Var<double> x(random_normal<double>({4, 6}, {3, 2}));
  LayerNorm<double> affine(6);
  const auto plain = LayerNorm<double>()(x).value();
  CHECK(identical(affine(x).value(), plain));
  CHECK(count_parameters(affine) == 12);
  affine.weight.mutable_value().fill(3);
  affine.bias.mutable_value().fill(-1);
  CHECK(max_abs_difference(affine(x).value(), add_scalar(mul_scalar(plain, 3.0), -1.0)) < 1e-14);
}

TEST_CASE("FiLM is x (1 + scale) + shift, scale first") {
  const Film<double> film(4, 3, {1, 2});
  CHECK(film.affine_film.weight.shape() == Shape{8, 3});
  const auto x = random_normal<double>({5, 4}, {1, 3}), c = random_normal<double>({5, 3}, {1, 4});
  const auto y = film(Var<double>(x), Var<double>(c)).value();
  const auto& w = film.affine_film.weight.value();
  const auto& b = film.affine_film.bias.value();
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      double scale = b[j], shift = b[4 + j];
      for (std::size_t k = 0; k < 3; ++k) {
        scale += w(j, k) * c(i, k);
        shift += w(4 + j, k) * c(i, k);
      }
      CHECK(y(i, j) == Approx(x(i, j) * (1 + scale) + shift).epsilon(1e-13));
    }
}

TEST_CASE("the time embedding is sin, then cos, of t f_k") {
  const TimeEmbedding<float> embedding(512);
  CHECK(embedding.frequencies.shape() == Shape{256});
  CHECK(embedding.frequencies[0] == 1);
  CHECK(static_cast<double>(embedding.frequencies[255]) == Approx(1e-4).epsilon(1e-6));
  const Timesteps t{0, 1, 400, 1000};
  const auto y = embedding(t);
  REQUIRE(y.shape() == Shape{4, 512});
  double worst = 0;
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t k = 0; k < 256; ++k) {
      const double phase =
          static_cast<double>(t[i]) * std::exp(-static_cast<double>(k) * std::log(10000.0) / 255);
      worst = std::max({worst, std::abs(static_cast<double>(y(i, k)) - std::sin(phase)),
                        std::abs(static_cast<double>(y(i, 256 + k)) - std::cos(phase))});
    }
  CHECK(worst < 1e-7);  // one rounding to float
  CHECK_THROWS_AS(TimeEmbedding<float>(7), ArgumentError);
  CHECK_THROWS_AS(TimeEmbedding<float>(2), ArgumentError);
}

TEST_CASE("activations by name are the functions") {
  const Var<double> x(random_normal<double>({20}, {2, 2}));
  CHECK(identical(activate(Activation::identity, x).value(), x.value()));
  CHECK(identical(activate(Activation::relu, x).value(), relu(x.value())));
  CHECK(identical(activate(Activation::tanh, x).value(), tanh(x.value())));
  CHECK(identical(activate(Activation::sigmoid, x).value(), sigmoid(x.value())));
  const auto s = activate(Activation::silu, x).value(), g = activate(Activation::gelu, x).value();
  for (std::size_t i = 0; i < 20; ++i) {
    const double v = x.value()[i];
    CHECK(s[i] == Approx(v / (1 + std::exp(-v))).epsilon(1e-14));
    CHECK(g[i] == Approx(v * 0.5 * std::erfc(-v / std::sqrt(2.0))).epsilon(1e-13));
  }
}

TEST_CASE("no two weights of networks with neighbouring streams are the same") {
  // Equal sizes, so that what shared its elements would show.
  std::vector<float> all;
  const auto collect = [&](const auto& network) {
    for (const auto& [name, tensor] : state_dict<float>(network))
      if (name.ends_with("weight") && tensor.rank() == 2) all.push_back(tensor[0]);
  };
  for (const std::uint64_t s : {0, 1, 2, 1000, 2000}) {
    collect(Mlp<float>({4, 4, 4, 4}, {1, s}));
    collect(ResidualMlp<float>(4, 4, 2, 4, {2, s}));
    collect(ResidualBlock<float>(4, 4, {3, s}));
  }
  collect(ResidualFilmMlp<float>({4, 4, 2, 4}, 1));
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("a residual block adds gamma times the branch") {
  ResidualBlock<double> block(6, 4, {5, 0});
  const Var<double> x(random_normal<double>({3, 6}, {5, 10})),
      c(random_normal<double>({3, 4}, {5, 11}));
  for (const double g : block.gamma.value()) CHECK(g == 1e-6);
  block.gamma.mutable_value().fill(0);
  CHECK(identical(block(x, c).value(), x.value()));
  block.gamma.mutable_value().fill(2);
  const auto branch = block.branch(block.film(block.norm(x), c)).value();
  CHECK(max_abs_difference(block(x, c).value(), add(x.value(), mul_scalar(branch, 2.0))) < 1e-14);
  CHECK_FALSE(identical(block.branch.first.weight.value(), block.branch.second.weight.value()));
}

TEST_CASE("an Mlp is its layers with activations between them; a Sequential says the same") {
  const Mlp<double> mlp({3, 8, 5, 2}, {9, 0}, Activation::tanh);
  const Sequential net(mlp.layers[0], Tanh{}, mlp.layers[1], Tanh{}, mlp.layers[2]);
  const Var<double> x(random_normal<double>({4, 3}, {9, 9}));
  CHECK(identical(mlp(x).value(), net(x).value()));
  CHECK(mlp.features(x).shape() == Shape{4, 5});
  CHECK(count_parameters(mlp) == 3 * 8 + 8 + 8 * 5 + 5 + 5 * 2 + 2);
  CHECK(describe(net) ==
        "0.weight [8, 3]\n0.bias [8]\n2.weight [5, 8]\n2.bias [5]\n4.weight [2, 5]\n4.bias [2]\n"
        "89 trained parameters\n");
  CHECK_THROWS_AS(Mlp<double>({3}, {1, 1}), ArgumentError);
}
