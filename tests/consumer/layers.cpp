// One name of each layer, through the header that includes all others; compiled in the tree, and as
// installed.
#include <papillon/papillon.hpp>

int main() {
  using namespace papillon;
  const Linear<float> linear(3, 2, RandomStream{1});
  const Var<float> y = linear(Var<float>(Tensor<float>(Shape{4, 3})));
  const NoiseSchedule schedule = NoiseSchedule::cosine();
  TrajectorySetOptions set;
  set.members = 2;
  set.steps = 5;
  set.burn_in = 10;
  const Tensor<float> states = trajectories(Lorenz63{}, set);
  const bool right = y.shape() == Shape{4, 2} && schedule.steps() == 1000 && states.size() == 30;
  return right ? 0 : 1;
}
