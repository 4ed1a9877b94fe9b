// A small network learns the sine, inside a program of your own.
#include <cstdio>
#include <papillon/autograd/gradient.hpp>
#include <papillon/nn/adam.hpp>
#include <papillon/nn/mlp.hpp>
#include <papillon/tensor/random.hpp>

int main() {
  using namespace papillon;
  const Var<float> x = random_uniform<float>({256, 1}, {.seed = 1}, -3, 3);
  const Var<float> target = sin(x);
  Mlp<float> network({1, 32, 32, 1}, {.seed = 2}, Activation::silu);
  Adam<float> adam(parameters(network), {.learning_rate = 1e-2});
  float loss = 1;
  for (int step = 0; step < 500; ++step) {
    const Var<float> error = mse_loss(network(x), target);
    adam.step(gradient(error, parameters(network)));
    loss = error.item();
  }
  std::printf("mean squared error %.1e\n", loss);
  return loss < 1e-2f ? 0 : 1;
}
